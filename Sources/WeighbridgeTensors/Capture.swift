import Synchronization

/// What computes an operator's results again from other operands of the same shapes and layouts.
package protocol CapturedOperation: Sendable {
  /// The results, in the order of the run that was captured.
  func results(of operands: [Tensor]) throws -> [Tensor]
}

/// One run of a module seen from below: every operator, with the tensors that it took and gave.
///
/// Who took what from whom follows from the identities of the tensors' storages. What was computed is not
/// kept for it, only what the run did not compute. Views need no notes: a view of a result is a shape over
/// its storage. What reads elements outside an operator may decide by them what runs next, or make tensors
/// of them that nobody would compute again; such a run stands for no other one, and the capture says so.
package final class Capture: Sendable {
  /// An operator that ran.
  package struct Note: Sendable {
    package let operation: any CapturedOperation
    package let operands: [Trace]
    package let results: [Trace]
    package let place: RunLog.Place
  }

  /// A tensor that went by.
  package struct Trace: Sendable {
    /// That of its storage; `nil` where it has none.
    package let identity: UInt64?
    /// The tensor; without its elements where they come from the inputs.
    package let tensor: Tensor

    /// - Parameter keepsElements: Whether nothing else can give them again.
    package init(_ tensor: Tensor, keepsElements: Bool = false) {
      identity = tensor.storage?.identity
      self.tensor =
        keepsElements
        ? tensor
        : Tensor(
          dtype: tensor.dtype, shape: tensor.shape, strides: tensor.strides,
          offset: tensor.offset, storage: nil)
    }
  }

  private struct State {
    var notes: [Note] = []
    /// The storages of inputs and of what was computed from them.
    var traced: Set<UInt64> = []
    var obstacle: RunLog.Place?
  }

  private let state: Mutex<State>

  /// - Parameter inputs: What the run begins with, each with a storage of its own.
  package init(_ inputs: [Tensor]) {
    state = Mutex(State(traced: Set(inputs.compactMap(\.storage?.identity))))
  }

  /// The operators that depend on the inputs, in order.
  package var notes: [Note] { state.withLock { $0.notes } }

  /// Where elements were read outside an operator; `nil` where none were.
  package var obstacle: RunLog.Place? { state.withLock { $0.obstacle } }
}

extension Capture {
  private struct Frame: Sendable {
    let capture: Capture
    /// Whether an operator runs, whose parts are no operators of their own.
    var isInside = false
  }

  @TaskLocal private static var frame: Frame?
  /// How many captures run in all tasks: with none, an operator costs one load more.
  private static let count = Atomic<Int>(0)

  @inline(__always)
  package static var isActive: Bool { count.load(ordering: .relaxed) > 0 }

  /// Whether an operator of the current task would be noted.
  package static var awaitsOperator: Bool {
    guard isActive, let frame else { return false }
    return !frame.isInside
  }

  /// Runs `body` with its operators noted here.
  package func capturing<R>(_ body: () throws -> R) rethrows -> R {
    Capture.count.add(1, ordering: .relaxed)
    defer { Capture.count.subtract(1, ordering: .relaxed) }
    return try Capture.$frame.withValue(Frame(capture: self), operation: body)
  }

  /// Whether a tensor is an input of the current capture or computed from one.
  package static func isTraced(_ tensor: Tensor?) -> Bool {
    guard isActive, let frame, let storage = tensor?.storage else { return false }
    return frame.capture.state.withLock { $0.traced.contains(storage.identity) }
  }

  /// Runs an operator and notes it, where one of its operands depends on the inputs and it is no part of
  /// another operator.
  package static func noting<R>(
    _ operation: @autoclosure () -> any CapturedOperation, _ operands: @autoclosure () -> [Tensor],
    results: (R) -> [Tensor], _ body: () throws -> R
  ) rethrows -> R {
    guard isActive, var frame, !frame.isInside else { return try body() }
    frame.isInside = true
    let result = try $frame.withValue(frame, operation: body)
    frame.capture.note(operation(), operands(), results(result))
    return result
  }

  private func note(
    _ operation: any CapturedOperation, _ operands: [Tensor], _ results: [Tensor]
  ) {
    let made = results.map { Trace($0) }
    state.withLock { state in
      let isTraced = operands.map { $0.storage.map { state.traced.contains($0.identity) } ?? false }
      guard isTraced.contains(true) else { return }
      state.traced.formUnion(made.compactMap(\.identity))
      state.notes.append(
        Note(
          operation: operation,
          operands: zip(operands, isTraced).map { Trace($0, keepsElements: !$1) },
          results: made, place: RunLog.currentPlace))
    }
  }

  /// An operator of one result that only moves or converts elements.
  @inline(__always)
  static func moving(
    _ operands: @autoclosure () -> [Tensor],
    again: @autoclosure () -> @Sendable ([Tensor]) throws -> Tensor, _ body: () throws -> Tensor
  ) rethrows -> Tensor {
    guard isActive else { return try body() }
    return try noting(MovingOperation(again: again()), operands(), results: { [$0] }, body)
  }

  /// Tells the current capture that a storage's bytes are read.
  @inline(never)
  static func noteRead(of storage: TensorStorage) {
    guard let frame, !frame.isInside else { return }
    let place = RunLog.currentPlace
    frame.capture.state.withLock { state in
      guard state.obstacle == nil, state.traced.contains(storage.identity) else { return }
      state.obstacle = place
    }
  }
}

/// Tensors joined along an axis.
package struct ConcatenationOperation: CapturedOperation {
  package let axis: Int

  package func results(of operands: [Tensor]) throws -> [Tensor] {
    [try Tensor.concatenated(operands, axis: axis)]
  }
}

private struct MovingOperation: CapturedOperation {
  let again: @Sendable ([Tensor]) throws -> Tensor

  func results(of operands: [Tensor]) throws -> [Tensor] { [try again(operands)] }
}
