/// A model that can be named: its configuration keys, how a checkpoint shows them, and how it is
/// built. Built-in architectures and a user's own are the same kind of thing; a new one is one type
/// and one entry in an `ArchitectureRegistry`.
public protocol Architecture: Module {
  /// The name users type: `se_resnet50`.
  static var id: String { get }
  /// One line on what it is.
  static var summary: String { get }
  /// The constructor's arguments; none, unless an architecture says otherwise.
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
  public static var keys: [ConfigurationKey] { [] }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {}

  public static func check(_ configuration: Configuration) throws {}

  /// The configuration of defaults.
  public static var defaults: Configuration { Configuration(architecture: id, keys: keys) }
}

/// One model of one size: nothing to configure, and a few of its tensors tell it from others.
public protocol FixedArchitecture: Architecture {
  /// Tensors that its checkpoints have, by full name, and their shapes.
  static var landmarks: [String: Shape] { get }
  /// Builds the model, describing or binding.
  init(_ w: WeightScope) throws
}

extension FixedArchitecture {
  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    !landmarks.isEmpty && landmarks.allSatisfy { shapes[$0.key] == $0.value }
  }

  public init(_ w: WeightScope, _ configuration: Configuration) throws { try self.init(w) }
}
