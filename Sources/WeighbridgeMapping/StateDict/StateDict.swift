import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// A tensor under a state-dict name, with the recipe that reads it.
public struct MappedTensor: Sendable, Hashable {
  /// The state-dict name, as rules left it.
  public internal(set) var name: String
  /// The dtype that the recipe gives.
  public internal(set) var dtype: DType
  /// The shape that the recipe gives.
  public internal(set) var shape: Shape
  package internal(set) var recipe: TensorRecipe
  /// How many steps rules have put one on the other.
  var depth = 0
  /// How many entries are read for it.
  var reads = 1
  /// What rules say of the order of its axes; `nil` when they say nothing.
  var decidedLayout: DecidedLayout?
  /// What its entry is to PyTorch, where its format has names and orders of its own.
  var form: EntryForm?

  /// The file's entries that it is made of, for people: `a`, or `a + b`.
  public var source: String { recipe.sources.joined(separator: " + ") }
  /// What is done to them; `nil` when nothing is.
  public var transform: String? { recipe.transform }
}

/// Two or more sources that land on one name.
public struct Collision: Sendable, Hashable {
  /// The name that they share.
  public let name: String
  /// The file's entries that landed on it.
  public let sources: [String]
}

/// A checkpoint seen as a PyTorch state dict: tensors by name, after rules and without wrappers.
public struct StateDict: Sendable {
  /// In the order of the file.
  public internal(set) var tensors: [MappedTensor]
  /// Names on which several tensors landed; the first of each is among `tensors`.
  public internal(set) var collisions: [Collision] = []
  /// What was recognised and done, for people: a prefix stripped, a nested state dict entered.
  public internal(set) var notes: [String] = []

  /// The entries of a file as they are.
  public init(_ checkpoint: some Checkpoint) {
    self.init(entries: checkpoint.entries)
  }

  package init(entries: [CheckpointEntry]) {
    tensors = entries.map {
      MappedTensor(
        name: $0.name, dtype: $0.dtype, shape: $0.shape, recipe: .entry($0.name), form: $0.form)
    }
  }

  /// Names and shapes alone, for recognising and inferring.
  public var shapes: StateDictShapes {
    StateDictShapes(Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first })
  }
}
