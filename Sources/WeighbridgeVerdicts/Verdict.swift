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

  /// Whether a model ran, or two references were compared.
  public var subject = Subject.model
  /// What the network is called: an architecture's id, else its type's name.
  public var model: String
  /// What the model was built with; `nil` where it has no configuration or nothing was built.
  public var configuration: Configuration?
  /// How the checkpoint's names fit the model's; `nil` when it was not looked at.
  public var mapping: MappingReport?
  /// `nil` when nothing could be run: the mapping is not one to one, or an error stopped it.
  public var result: ParityResult?
  /// What stopped it.
  public var failure: WeighbridgeError?
  /// Where and with what the verdict was reached.
  public var environment: RunEnvironment

  /// - Parameters:
  ///   - model: An architecture's id, or another name for the network.
  ///   - result: What was found; `nil` when nothing could be run.
  ///   - failure: What stopped it.
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
