import WeighbridgeMapping
import WeighbridgeModules

/// The whole answer of `validate`: what was loaded, what was compared, and whether it holds.
public struct Verdict: Sendable {
  /// The version of the JSON document; it grows when a member changes its meaning.
  public static let schemaVersion = 1

  /// What was held against what.
  public enum Subject: Sendable, Hashable {
    /// A model that ran here against a reference.
    case model
    /// One reference against another; nothing ran.
    case references
  }

  public var subject = Subject.model
  public var model: String
  public var configuration: Configuration?
  /// How the checkpoint's names fit the model's; `nil` when it was not looked at.
  public var mapping: MappingReport?
  /// `nil` when nothing could be run: the mapping is not one to one, or an error stopped it.
  public var result: ParityResult?
  /// What stopped it.
  public var failure: WeighbridgeError?
  public var environment: RunEnvironment

  public init(
    model: String, configuration: Configuration? = nil, mapping: MappingReport? = nil,
    result: ParityResult? = nil, failure: WeighbridgeError? = nil,
    environment: RunEnvironment = RunEnvironment()
  ) {
    self.model = model
    self.configuration = configuration
    self.mapping = mapping
    self.result = result
    self.failure = failure
    self.environment = environment
  }

  /// Whether the model does what the reference recorded.
  public var passes: Bool { exitStatus == 0 }

  /// The command's exit status: 0 it holds, 1 something differs, 2 the names or shapes do not fit,
  /// 3 a file cannot be read, 64 wrong usage.
  public var exitStatus: Int32 {
    if let failure { return failure.code.exitStatus }
    if mapping?.isOneToOne == false { return 2 }
    return result?.passes == true ? 0 : 1
  }
}

extension Verdict {
  /// What is to be looked at before any layer of a verdict that fails: values of the user's against
  /// the reference's own, and weights that are rounded.
  public var hints: [String] {
    guard !passes, let result else { return [] }
    return partial(result) + overrulings + roundings
  }

  /// Whether most of the weights are stored in 16 bits.
  var storesHalfPrecision: Bool { halfPrecision != nil }

  private var halfPrecision: DType? {
    let weights = mapping?.matched.filter { $0.dtype.isFloatingPoint } ?? []
    let half = weights.filter { $0.dtype.byteCount <= 2 }
    return 2 * half.count > weights.count ? half.first?.dtype : nil
  }

  /// What to do where nothing differs and too little was compared.
  private func partial(_ result: ParityResult) -> [String] {
    guard !result.gaps.isEmpty, result.comparedCount > 0, !result.hasFailedLayer else { return [] }
    let shows = (result.coverage?.gaps ?? []).isEmpty
    let how =
      shows
      ? "record in float32, on inputs like those that the network is made for"
      : "record outputs and activations of this network"
    return [
      "nothing that was compared differs, but a pass would promise more: \(how), "
        + "or accept it with --allow-partial"
    ]
  }

  private var overrulings: [String] {
    guard let configuration else { return [] }
    return configuration.keys.compactMap { key in
      guard let entry = configuration.entries[key.name], let recorded = entry.overruled else {
        return nil
      }
      return "you overruled \(key.name)=\(recorded) of the reference: "
        + "drop --config \(key.name)=\(entry.value)"
    }
  }

  private var roundings: [String] {
    guard let dtype = halfPrecision else { return [] }
    return [
      "the file stores \(dtype): such weights do not give float32's activations. Validate the "
        + "file that they were rounded from, or record a reference with the rounded weights, or "
        + "say how far off they may be: --rtol 1e-2 --atol 5e-2"
    ]
  }
}

extension Verdict: CustomStringConvertible {
  /// What `weighbridge validate` prints, 100 columns wide.
  public var description: String { TerminalReport(width: 100).text(self) }
}
