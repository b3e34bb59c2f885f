import WeighbridgeRunning
import Synchronization
import WeighbridgeModules
import WeighbridgeReferences

/// Runs a module again up to one layer within it. What was recorded is handed on without being
/// computed, so that only the layer and what joins the modules around it costs anything.
final class ReplayingProbe: Probe {
  /// Ends the run: the layer has been computed.
  struct Reached: Error {}

  private let reference: Reference
  private let target: ActivationKey
  private let found = Mutex<Tensor?>(nil)

  init(_ reference: Reference, _ target: ActivationKey) {
    self.reference = reference
    self.target = target
  }

  /// What the layer returned.
  var got: Tensor? { found.withLock { $0 } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    if module.path == target.path, call == target.call {
      let tensors = try OperationObservation.with(nil) { try forward(input).tensors }
      let item = target.item ?? 0
      if item < tensors.count { found.withLock { $0 = tensors[item] } }
      throw Reached()
    }
    guard !module.path.isAncestor(of: target.path),
      let recorded = try reference.tensors(module.path, call: call),
      let output: M.Output = try Substitution.standIn(recorded)
    else { return try OperationObservation.with(nil) { try forward(input) } }
    return output
  }
}

extension ModulePath {
  /// Whether the other module stands somewhere within this one.
  func isAncestor(of other: ModulePath) -> Bool {
    name.isEmpty ? !other.name.isEmpty : other.name.hasPrefix(name + ".")
  }
}
