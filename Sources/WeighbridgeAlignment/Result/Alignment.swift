import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeTensors

/// Which tensors of a file a model's parameters are, and how that is known.
public struct Alignment: Sendable {
  /// What decided that a tensor is a parameter's.
  public enum Decision: String, Sendable, Hashable, CaseIterable {
    /// Run alone on its recorded input, the layer gives its recorded output with this tensor and with
    /// no other one that is free.
    case proof
    /// The names agree.
    case names
    /// The layers of a kind stand in the same order.
    case order
    /// No other tensor that is free has its shape.
    case shape
  }

  /// A parameter that has its tensor.
  public struct Match: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The parameter's shape, in PyTorch's layout.
    public let shape: Shape
    /// The file's entries: several where it is joined from them.
    public let sources: [String]
    /// What is done to them; `nil` when nothing is.
    public let transform: String?
    /// What decided it.
    public let decision: Decision
    /// What else there is to say.
    public let remark: String?
  }

  /// A parameter whose tensor nothing decides.
  public struct Open: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The parameter's shape, in PyTorch's layout.
    public let shape: Shape
    /// Why nothing decides it, in words.
    public let reason: String
    /// The tensors that it may be, those that are free and fit.
    public let candidates: [String]
    /// The one that the rules take all the same, since no recorded value and no output depends on it;
    /// `nil` where they leave it out.
    public let taken: String?
  }

  /// The architecture's id.
  public let model: String
  /// What the model is built with.
  public let configuration: Configuration
  /// Parameters that have their tensor.
  public internal(set) var matches: [Match]
  /// Parameters whose tensor nothing decides.
  public internal(set) var open: [Open]
  /// Counts of batches, which nothing computes with.
  public internal(set) var counters: Int
  /// Tensors that no parameter takes.
  public internal(set) var unused: [String]
  /// The correspondence as rules on the file's names.
  public internal(set) var rules: Rules
  /// What else there is to say of the whole, for people.
  public internal(set) var notes: [String]

  /// Whether the rules give every parameter a tensor.
  public var isComplete: Bool { open.allSatisfy { $0.taken != nil } }

  /// How many parameters each kind of evidence decided.
  public var counts: [(decision: Decision, count: Int)] {
    Decision.allCases.map { decision in (decision, matches.count { $0.decision == decision }) }
      .filter { $0.1 > 0 }
  }
}
