import WeighbridgeModules

/// What a reference has of one returned tensor.
package enum RecordedActivation: Sendable {
  case whole(Tensor)
  /// A subset of the elements and sums of all: it can be compared with, but not handed on.
  case sampled(RecordedSamples)

  package var dtype: DType {
    switch self {
    case .whole(let tensor): tensor.dtype
    case .sampled(let samples): samples.values.dtype
    }
  }

  package var shape: Shape {
    switch self {
    case .whole(let tensor): tensor.shape
    case .sampled(let samples): samples.shape
    }
  }
}

/// Some elements of an activation, and sums of all of them.
package struct RecordedSamples: Sendable {
  /// The whole activation's.
  package var shape: Shape
  package var indices: SampleIndices
  /// [n], the elements at the indices.
  package var values: Tensor
  /// float64; for each index on the leading axes, the sum over the others.
  package var sums: Tensor
}

/// Where a file has an activation's samples, and what its metadata says about them.
package struct SampledEntry: Sendable {
  /// The name that follows `samples/`, from which the indices are drawn.
  package var name: String
  package var samples: String
  package var sums: String
  package var dtype: DType
  package var shape: Shape
  package var indices: SampleIndices
}
