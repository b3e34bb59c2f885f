import TestSupport
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeNetwork
import WeighbridgeParity

/// A network of `fixtures/networks`.
struct RecordedFixture {
  let name: String

  var weights: String { Repository.fixture("networks/\(name).npz") }
  var reference: String { Repository.fixture("networks/\(name)_reference.npz") }

  func network() throws -> Network { try Network(of: Checkpoints.open(reference)) }

  /// How the weights become the recorded network.
  func plan(_ checkpoint: (any Checkpoint)? = nil) throws -> ImportPlan {
    var registry = ArchitectureRegistry([AnyArchitecture]())
    registry.register(AnyArchitecture(recorded: try network()))
    return try Loader(registry).plan(
      checkpoint ?? Checkpoints.open(weights), model: AnyArchitecture.recordedID)
  }

  /// The verdict of the recorded network with some weights against a reference.
  func validate(
    _ checkpoint: (any Checkpoint)? = nil, against reference: String? = nil
  ) throws -> ParityResult {
    let plan = try plan(checkpoint)
    let (model, rebinding) = try plan.bindKeeping()
    return try Validator(Reference(path: reference ?? self.reference)).validate(
      model, oracle: { try plan.bind(dtype: .float64) }, rebinding: rebinding)
  }

  /// The weights with one of them changed.
  func weights(
    changing name: String, _ change: (Tensor) throws -> Tensor
  ) throws -> MemoryCheckpoint {
    let checkpoint = try Checkpoints.open(weights)
    return MemoryCheckpoint(
      try checkpoint.entries.map { entry in
        let tensor = try checkpoint.tensor(entry.rawPath)
        return (name: entry.name, tensor: entry.name == name ? try change(tensor) : tensor)
      }, path: "changed")
  }
}

/// The error of an expression that must throw one of Weighbridge's.
func failure(_ body: () throws -> some Any) throws -> WeighbridgeError {
  do {
    _ = try body()
  } catch let error as WeighbridgeError {
    return error
  }
  throw NothingThrown()
}

struct NothingThrown: Error, CustomStringConvertible {
  var description: String { "nothing was thrown" }
}
