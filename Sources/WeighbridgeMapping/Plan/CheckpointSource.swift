import Synchronization
import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// A checkpoint as a source of weights under a model's own names. Tensors are read when asked for.
public final class CheckpointSource: WeightSource {
  private let checkpoint: any Checkpoint
  private let tensors: [ExactText: MappedTensor]
  /// Entries that were read ahead and not yet used.
  private let ahead = Mutex<[ExactText: Tensor]>([:])

  init(_ checkpoint: any Checkpoint, _ stateDict: StateDict) {
    self.checkpoint = checkpoint
    tensors = Dictionary(stateDict.tensors.map { (ExactText($0.name), $0) }) { first, _ in first }
  }

  /// Whether rules and wrappers leave a tensor of this name; spelled exactly so.
  public func contains(_ name: String) -> Bool { tensors[ExactText(name)] != nil }

  /// The tensor of the request's name, in the dtype that rules left.
  ///
  /// - Throws: What `tensor(_:)` throws.
  public func tensor(for request: ParameterRequest) throws -> Tensor {
    try tensor(request.name)
  }

  /// The tensor of a parameter, as rules and wrappers made it, in the dtype that they left.
  ///
  /// - Throws: `mapping` when there is none, and what reading throws; file and entry are named.
  public func tensor(_ name: String) throws -> Tensor {
    guard let mapped = tensors[ExactText(name)] else {
      throw WeighbridgeError(
        .mapping, "the checkpoint has no tensor for it", file: checkpoint.path, entry: name)
    }
    do {
      return try mapped.recipe.tensor { entry in
        if let tensor = ahead.withLock({ $0.removeValue(forKey: ExactText(entry)) }) {
          return tensor
        }
        return try checkpoint.tensor(entry)
      }
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path, entry: name)
    }
  }

  /// Reads entries ahead, compressed ones in parallel; each is given out once and then forgotten.
  func readAhead(_ names: some Sequence<String>) throws {
    // An entry that several parameters are cut from is read when it is needed.
    var uses: [ExactText: Int] = [:]
    for name in names {
      for entry in tensors[ExactText(name)]?.recipe.sources ?? [] {
        uses[ExactText(entry), default: 0] += 1
      }
    }
    let entries = uses.filter { $0.value == 1 }.keys.sorted()
    let read = try checkpoint.tensors(entries.map(\.text))
    ahead.withLock { $0 = Dictionary(zip(entries, read)) { first, _ in first } }
  }
}
