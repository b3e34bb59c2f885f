import Synchronization

/// An operation on tensors as a value: what a module computes itself, between the modules that it calls.
///
/// A diagnosis reruns such a computation with one operation changed, in code that it has never seen.
package protocol TensorOperation: Sendable {
  /// The result for these operands, seen by no observer.
  func result(of operands: [Tensor]) throws -> Tensor
}

/// Sees the operations of a task, and may return another result in their place.
package protocol OperationObserver: AnyObject, Sendable {
  func observe(_ operation: any TensorOperation, _ operands: [Tensor]) throws -> Tensor
}

/// Who observes the current task's operations.
package enum OperationObservation {
  @TaskLocal private static var observer: (any OperationObserver)?
  /// How many observations run in all tasks: with none, an operation costs one load more.
  private static let count = Atomic<Int>(0)

  /// The observer of the current task.
  @inline(__always)
  static var current: (any OperationObserver)? {
    count.load(ordering: .relaxed) == 0 ? nil : observer
  }

  /// Whether somebody observes the current task's operations.
  package static var isActive: Bool { current != nil }

  /// Runs `body` so that the observer, if there is one, sees its operations.
  package static func with<R>(
    _ observer: (any OperationObserver)?, _ body: () throws -> R
  ) rethrows -> R {
    count.add(1, ordering: .relaxed)
    defer { count.subtract(1, ordering: .relaxed) }
    return try $observer.withValue(observer, operation: body)
  }
}

extension Tensor {
  /// What an observer returns for an operation; `nil` when nobody observes.
  @inline(__always)
  package static func observed(
    _ operation: @autoclosure () -> any TensorOperation, _ operands: @autoclosure () -> [Tensor]
  ) throws -> Tensor? {
    guard let observer = OperationObservation.current else { return nil }
    return try OperationObservation.with(nil) { try observer.observe(operation(), operands()) }
  }
}

/// The operations that move elements.
package enum LayoutOperation: TensorOperation, Hashable {
  case concatenate(axis: Int)
  case permute([Int])
  case reshape([Int])
  case narrow(axis: Int, start: Int, length: Int)

  package func result(of operands: [Tensor]) throws -> Tensor {
    guard let first = operands.first else {
      throw WeighbridgeError(.shape, "an operation without operands")
    }
    return try OperationObservation.with(nil) {
      switch self {
      case .concatenate(let axis): try Tensor.concatenated(operands, axis: axis)
      case .permute(let axes): try first.permuted(axes)
      case .reshape(let dimensions): try first.reshaped(dimensions)
      case .narrow(let axis, let start, let length):
        try first.narrowed(axis, start: start, length: length)
      }
    }
  }
}
