import Synchronization
import WeighbridgeModules
import WeighbridgeReferences

/// Keeps what every module call returned.
public final class RecordingProbe: Probe {
  private let state = Mutex([(key: ActivationKey, tensor: Tensor)]())

  /// A probe that has seen no call yet.
  public init() {}

  /// The returned tensors, in the order in which the calls returned.
  public var activations: [(key: ActivationKey, tensor: Tensor)] { state.withLock { $0 } }

  /// Runs the module and keeps its tensors, with an item number where it returned several.
  public func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    let tensors = output.tensors
    state.withLock { state in
      for (item, tensor) in tensors.enumerated() {
        let key = ActivationKey(
          module.path, call: call, item: tensors.count > 1 ? item : nil)
        state.append((key, tensor))
      }
    }
    return output
  }
}
