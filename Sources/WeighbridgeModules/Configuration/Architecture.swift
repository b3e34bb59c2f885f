/// A model that can be named: its configuration keys, how a checkpoint shows them, and how it is
/// built. Built-in architectures and a user's own are the same kind of thing; a new one is one type
/// and one entry in an `ArchitectureRegistry`.
public protocol Architecture: Module {
  /// The name users type: `se_resnet50`.
  static var id: String { get }
  /// One line on what it is.
  static var summary: String { get }
  /// The constructor's arguments.
  static var keys: [ConfigurationKey] { get }

  /// Whether a checkpoint of these names and shapes is of this architecture. Must be specific: of
  /// two architectures that share names, at most one may say yes.
  static func recognizes(_ shapes: StateDictShapes) -> Bool

  /// Fills in what shapes determine.
  ///
  /// - Throws: `mapping` when the configuration contradicts them.
  static func infer(_ configuration: inout Configuration, from shapes: StateDictShapes) throws

  /// Checks the rules that values must keep, before anything is built.
  ///
  /// - Throws: `usage`, naming the rule and the values.
  static func check(_ configuration: Configuration) throws

  /// Builds the model, describing or binding.
  init(_ w: WeightScope, _ configuration: Configuration) throws
}

extension Architecture {
  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {}

  public static func check(_ configuration: Configuration) throws {}

  /// The configuration of defaults.
  public static var defaults: Configuration { Configuration(architecture: id, keys: keys) }
}

/// The architectures that a program knows.
public struct ArchitectureRegistry: Sendable {
  public private(set) var architectures: [any Architecture.Type]

  public init(_ architectures: [any Architecture.Type]) {
    self.architectures = architectures
  }

  /// Adds an architecture of the user's own.
  public mutating func register(_ architecture: any Architecture.Type) {
    architectures.append(architecture)
  }

  /// The architecture of this name.
  ///
  /// - Throws: `usage` when there is none, with the nearest names.
  public func architecture(_ id: String) throws -> any Architecture.Type {
    if let found = architectures.first(where: { $0.id == id }) { return found }
    let ids = architectures.map { $0.id }
    let meant = Spelling.meant(id, in: ids)
    let hint = meant.isEmpty ? "" : "Did you mean \(meant.joined(separator: " or "))? "
    throw WeighbridgeError(
      .usage, "there is no architecture '\(id)'",
      remedy: "\(hint)`weighbridge models` lists \(ids.joined(separator: ", "))")
  }

  /// The architectures whose names and shapes a checkpoint shows.
  public func recognize(_ shapes: StateDictShapes) -> [any Architecture.Type] {
    architectures.filter { $0.recognizes(shapes) }
  }
}
