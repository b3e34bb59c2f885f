import WeighbridgeModules

/// What a reference has of one returned tensor.
enum RecordedActivation: Sendable {
  case whole(Tensor)
  /// A subset of the elements and sums of all: it can be compared with, but not handed on.
  case sampled(RecordedSamples)

  var dtype: DType {
    switch self {
    case .whole(let tensor): tensor.dtype
    case .sampled(let samples): samples.values.dtype
    }
  }

  var shape: Shape {
    switch self {
    case .whole(let tensor): tensor.shape
    case .sampled(let samples): samples.shape
    }
  }
}

extension RecordedActivation {
  /// The elements that two recordings of one activation have in common, in tensors of one shape;
  /// descriptors where the shapes differ, `nil` where both were sampled at other elements.
  static func common(_ a: RecordedActivation, _ b: RecordedActivation) throws -> (Tensor, Tensor)? {
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

/// Some elements of an activation, and sums of all of them.
struct RecordedSamples: Sendable {
  /// The whole activation's.
  var shape: Shape
  var indices: SampleIndices
  /// [n], the elements at the indices.
  var values: Tensor
  /// float64; for each index on the leading axes, the sum over the others.
  var sums: Tensor
}

/// Where a file has an activation's samples, and what its metadata says about them.
struct SampledEntry: Sendable {
  /// The name that follows `samples/`, from which the indices are drawn.
  var name: String
  var samples: String
  var sums: String
  var dtype: DType
  var shape: Shape
  var indices: SampleIndices
}
