import WeighbridgeTensors

/// An architecture as a value: what planning a model needs to know of it. Every `Architecture` has one, and
/// so does a model whose description is data, such as a recorded network.
public struct AnyArchitecture: Sendable {
  /// The name users type.
  public let id: String
  /// One line on what it is.
  public let summary: String
  /// The constructor's arguments.
  public let keys: [ConfigurationKey]

  private let recognition: @Sendable (StateDictShapes) -> Bool
  private let inference: @Sendable (inout Configuration, StateDictShapes) throws -> Void
  private let rules: @Sendable (Configuration) throws -> Void
  private let builder: @Sendable (WeightScope, Configuration) throws -> any Module

  /// Takes id, summary, keys and rules from a type.
  public init(_ architecture: any Architecture.Type) {
    (id, summary, keys) = (architecture.id, architecture.summary, architecture.keys)
    recognition = { architecture.recognizes($0) }
    inference = { try architecture.infer(&$0, from: $1) }
    rules = { try architecture.check($0) }
    builder = { try architecture.init($0, $1) }
  }

  /// A model that is asked for by its name alone and has no configuration.
  ///
  /// - Parameter build: Builds it, describing or binding.
  public init(
    id: String, summary: String, build: @escaping @Sendable (WeightScope) throws -> any Module
  ) {
    (self.id, self.summary, keys) = (id, summary, [])
    recognition = { _ in false }
    inference = { _, _ in }
    rules = { _ in }
    builder = { scope, _ in try build(scope) }
  }

  /// The configuration of defaults.
  public var defaults: Configuration { Configuration(architecture: id, keys: keys) }

  /// Whether a checkpoint of these names and shapes is of this architecture.
  public func recognizes(_ shapes: StateDictShapes) -> Bool { recognition(shapes) }

  /// Fills in what shapes determine.
  ///
  /// - Throws: `mapping` when the configuration contradicts them.
  public func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try inference(&configuration, shapes)
  }

  /// Checks the rules that values must keep.
  ///
  /// - Throws: `usage`, naming the rule and the values.
  public func check(_ configuration: Configuration) throws { try rules(configuration) }

  /// Builds the model, describing or binding.
  public func build(_ w: WeightScope, _ configuration: Configuration) throws -> any Module {
    try builder(w, configuration)
  }
}

/// The architectures that a program knows.
public struct ArchitectureRegistry: Sendable {
  /// In the order in which they were given or registered, which is the order of listings.
  public private(set) var architectures: [AnyArchitecture]

  /// A registry of architectures that are types.
  public init(_ architectures: [any Architecture.Type]) {
    self.architectures = architectures.map { AnyArchitecture($0) }
  }

  /// A registry of architectures that are values.
  public init(_ architectures: [AnyArchitecture]) {
    self.architectures = architectures
  }

  /// Adds an architecture of the user's own.
  public mutating func register(_ architecture: any Architecture.Type) {
    register(AnyArchitecture(architecture))
  }

  /// Adds an architecture that is a value.
  public mutating func register(_ architecture: AnyArchitecture) {
    architectures.append(architecture)
  }

  /// The architecture of this name.
  ///
  /// - Throws: `usage` when there is none, with the nearest names.
  public func architecture(_ id: String) throws -> AnyArchitecture {
    if let found = architectures.first(where: { $0.id == id }) { return found }
    let ids = architectures.map { $0.id }
    let meant = Spelling.meant(id, in: ids)
    let hint = meant.isEmpty ? "" : "Did you mean \(meant.joined(separator: " or "))? "
    throw WeighbridgeError(
      .usage, "there is no architecture '\(id)'",
      remedy: "\(hint)\(Setting.command("models")) lists \(ids.joined(separator: ", "))")
  }

  /// The architectures whose names and shapes a checkpoint shows.
  public func recognize(_ shapes: StateDictShapes) -> [AnyArchitecture] {
    architectures.filter { $0.recognizes(shapes) }
  }
}
