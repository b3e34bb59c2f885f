/// Where the time of a run goes, operator by operator, and what ran as one.
///
/// It is taken from the run as a program has it, in which the engine joins steps: nothing is probed.
///
/// ```swift
/// let profile = try net.profile([images])
/// for share in profile.operators { print(share.name, share.seconds) }
/// ```
public struct Profile: Sendable {
  /// What runs an operator.
  public enum Library: String, Sendable, Hashable {
    /// A primitive of oneDNN.
    case oneDNN
    /// The package's own loops in vectors.
    case vector
    /// The plain kernels, and what moves elements.
    case plain
  }

  /// A module whose work another one's step does.
  public struct JoinedModule: Sendable, Hashable {
    /// Where it stands in the model.
    public let path: ModulePath
    /// Its kind, `BatchNorm2d`.
    public let kind: String
    /// Whether it went into the weights beforehand, as norms do; else it runs in the same step.
    public let isFolded: Bool
  }

  /// One operator of the run.
  public struct Step: Sendable {
    /// The module that ran it.
    public let module: ModulePath
    /// That module's kind; empty for what belongs to no module.
    public let kind: String
    /// What ran as one, the operator first: convolution, batch norm, residual, relu.
    public let parts: [String]
    /// The modules whose work it did besides that of its own.
    public let joined: [JoinedModule]
    /// Whether it does what an eager run does in several steps.
    public let isJoint: Bool
    /// What ran it.
    public let library: Library
    /// Which of its forms, in words; empty where there is but one.
    public let form: String
    /// The result's shape.
    public let shape: Shape
    /// How many multiplications with an addition it has, for operators that consist of them.
    public let products: Int
    /// How long it took.
    public let seconds: Double
    /// Of that, what went into other orders of memory.
    public let copySeconds: Double

    /// What ran as one, in words: `convolution + batch norm + relu`.
    public var name: String { parts.joined(separator: " + ") }
  }

  /// Several steps together.
  public struct Share: Sendable {
    /// What they have in common: the operator, or the module's path.
    public let name: String
    /// In the order of the run.
    public let steps: [Step]

    /// How long they took together.
    public var seconds: Double { steps.reduce(0) { $0 + $1.seconds } }
    /// How many multiplications with an addition they have together.
    public var products: Int { steps.reduce(0) { $0 &+ $1.products } }
  }

  /// Every operator of the fastest run, in order.
  public let steps: [Step]
  /// How long that run took, what lies between its operators included.
  public let seconds: Double
  /// How long the first run took, which packs weights and compiles primitives.
  public let firstSeconds: Double
  /// How many runs were looked at after the first.
  public let runs: Int
  /// How many threads an operator could use.
  public let threads: Int
  /// Whether every module ran for itself, without joint steps.
  public let isEager: Bool

  /// What lies between the operators: views, the modules' own code.
  public var secondsBetween: Double { max(0, seconds - steps.reduce(0) { $0 + $1.seconds }) }

  /// The steps by what ran, the longest first.
  public var operators: [Share] { shares(by: \.name) }

  /// The steps by module, the longest first.
  public var layers: [Share] { shares(by: \.module.name) }

  /// Those steps that do what an eager run does in several, by what ran as one, the longest first.
  public var jointSteps: [Share] { shares(by: \.name) { $0.isJoint } }

  private func shares(
    by name: (Step) -> String, where isMeant: (Step) -> Bool = { _ in true }
  ) -> [Share] {
    var (order, groups) = ([String](), [String: [Step]]())
    for step in steps where isMeant(step) {
      let name = name(step)
      if groups[name] == nil { order.append(name) }
      groups[name, default: []].append(step)
    }
    return order.map { Share(name: $0, steps: groups[$0] ?? []) }
      .enumerated().sorted { ($1.element.seconds, $0.offset) < ($0.element.seconds, $1.offset) }
      .map(\.element)
  }
}

extension Profile.Step {
  init(_ entry: RunLog.Entry) {
    let joined = entry.place.joined ?? []
    let folded = joined.filter(\.isFolded).map { _ in "batch norm" }
    var parts = entry.what.parts
    if !folded.isEmpty {
      // The bias is the norm's.
      parts.removeAll { $0 == "bias" }
      parts.insert(contentsOf: folded, at: min(1, parts.count))
    }
    self.parts = parts
    // Within a joint step there may be operators that join nothing, such as the product for a gate.
    isJoint =
      entry.place.joined != nil && parts.dropFirst().contains { $0 != "bias" && $0 != "mask" }
    self.joined =
      isJoint
      ? joined.map {
        .init(path: ModulePath($0.path), kind: $0.kind, isFolded: $0.isFolded)
      } : []
    (module, kind) = (ModulePath(entry.place.path), entry.place.kind)
    library = .init(rawValue: entry.kernel.library.rawValue) ?? .plain
    (form, shape) = (entry.kernel.form, entry.shape)
    products = entry.what.products
    seconds = entry.duration / .seconds(1)
    copySeconds = entry.copying / .seconds(1)
  }
}
