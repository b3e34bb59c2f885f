import Synchronization

/// What the calls of a recorded network computed with in one run: every value of every call, tensors
/// without their elements. Whoever writes a network down in a typed language learns the types from it.
package final class NetworkObservation: Sendable {
  /// A call of a module that is run function by function.
  package struct Call: Sendable {
    package let node: Int
    package let program: Int
    /// The inputs, and what each instruction gave.
    package let values: [Value]
    package let returned: Value
  }

  @TaskLocal static var current: NetworkObservation?

  private struct State {
    var calls: [Call] = []
    var counts: [String: Int] = [:]
  }

  private let state = Mutex(State())
  /// What was recorded of a module's call, by path and number.
  private let recorded: @Sendable (String, Int) -> [Tensor]

  /// - Parameter recorded: What a module returned that cannot be run here, by its path and the number of the
  ///   call: what stands for it, so that the rest of the network is seen. Empty where it is not known.
  package init(recorded: @escaping @Sendable (String, Int) -> [Tensor] = { _, _ in [] }) {
    self.recorded = recorded
  }

  /// The calls, in the order in which they ended.
  package var calls: [Call] { state.withLock { $0.calls } }

  /// Observes the calls of networks that run within `body`.
  package func observing<R>(_ body: () throws -> R) rethrows -> R {
    try NetworkObservation.$current.withValue(self, operation: body)
  }

  func note(_ site: Network.Call, _ values: [Value], _ returned: Value) {
    let call = Call(
      node: site.node, program: site.program, values: values.map(\.form), returned: returned.form)
    state.withLock { $0.calls.append(call) }
  }

  /// Runs a call; one that cannot be run returns what was recorded.
  func observed(_ site: Network.Call, _ path: String, _ run: () throws -> Value) throws -> Value {
    let count = state.withLock { state in
      defer { state.counts[path, default: 0] += 1 }
      return state.counts[path, default: 0]
    }
    do {
      return try run()
    } catch let error as WeighbridgeError {
      let tensors = recorded(path, count)
      guard !tensors.isEmpty else { throw error }
      return tensors.count == 1 ? .tensor(tensors[0]) : .tensors(tensors)
    }
  }
}

extension Value {
  /// The same with tensors that have no elements.
  package var form: Value {
    (try? replacing(tensors.map { Tensor(describing: $0.dtype, shape: $0.shape) })) ?? .none
  }
}
