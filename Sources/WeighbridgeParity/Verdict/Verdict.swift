import WeighbridgeModules

/// The whole answer of `validate`: what was loaded, what was compared, and whether it holds.
public struct Verdict: Sendable {
  /// How a checkpoint's names fit the model's.
  public struct Mapping: Sendable, Hashable {
    public struct Mismatch: Sendable, Hashable {
      public var parameter: String
      public var expected: Shape
      public var found: Shape

      public init(parameter: String, expected: Shape, found: Shape) {
        self.parameter = parameter
        self.expected = expected
        self.found = found
      }
    }

    public var matched = 0
    public var missing: [String] = []
    public var unexpected: [String] = []
    public var mismatched: [Mismatch] = []
    /// Parameters that are loaded and never applied.
    public var dead: [String] = []

    public init() {}

    /// Whether every name has exactly one partner of its shape.
    public var isOneToOne: Bool {
      missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty
    }
  }

  /// The version of the JSON document; it grows when a member changes its meaning.
  public static let schemaVersion = 1

  public var model: String
  public var configuration: [(key: String, value: ConfigurationValue)]
  public var mapping: Mapping
  /// `nil` when nothing could be run: the mapping is not one to one, or an error stopped it.
  public var result: ParityResult?
  /// What stopped it.
  public var failure: WeighbridgeError?
  public var environment: RunEnvironment

  public init(
    model: String, configuration: [(key: String, value: ConfigurationValue)] = [],
    mapping: Mapping = Mapping(), result: ParityResult? = nil, failure: WeighbridgeError? = nil,
    environment: RunEnvironment
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
    if !mapping.isOneToOne { return 2 }
    return result?.passes == true ? 0 : 1
  }
}
