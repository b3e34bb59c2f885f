import WeighbridgeReferences
import WeighbridgeTensors

extension RecordedActivation {
  /// The elements that two recordings of one activation have in common, in tensors of one shape;
  /// descriptors where the shapes differ, `nil` where both were sampled at other elements.
  package static func common(_ a: RecordedActivation, _ b: RecordedActivation) throws -> (
    Tensor, Tensor
  )? {
    guard a.shape == b.shape else {
      return (
        Tensor(describing: a.dtype, shape: a.shape), Tensor(describing: b.dtype, shape: b.shape)
      )
    }
    switch (a, b) {
    case (.whole(let first), .whole(let second)): return (first, second)
    case (.whole(let whole), .sampled(let samples)):
      return try (Comparison.gathered(whole.contiguous(), samples.indices), samples.values)
    case (.sampled(let samples), .whole(let whole)):
      return try (samples.values, Comparison.gathered(whole.contiguous(), samples.indices))
    case (.sampled(let first), .sampled(let second)):
      return first.indices.checkValue == second.indices.checkValue
        ? (first.values, second.values) : nil
    }
  }
}
