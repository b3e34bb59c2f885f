import WeighbridgeParallel
import WeighbridgeTensors

/// A function of one scalar, as a type, so that loops are compiled for each of them.
protocol ElementFunction<Scalar> {
  associatedtype Scalar: PlainScalar
  func callAsFunction(_ x: Scalar) -> Scalar
}

/// Loops over dense memory.
extension Tensor {
  /// Whether the elements fill one run of memory without gaps or repeats, in whatever order of axes.
  var isPacked: Bool {
    if isContiguous { return true }
    var expected = 1
    for axis in shape.indices.sorted(by: { strides[$0] < strides[$1] }) where shape[axis] != 1 {
      guard strides[axis] == expected else { return false }
      expected *= shape[axis]
    }
    return true
  }

  /// `function` of each element, in the memory order of this tensor where it is packed, else in its
  /// preferred format.
  ///
  /// - Parameter grain: The least number of elements worth a thread of its own.
  func mapped<Function: ElementFunction>(
    _ function: Function, grain: Int = 32768
  ) throws -> Tensor {
    try mappedRuns(Function.Scalar.self, grain: grain) { Elements.map($0, $1, $2, function) }
  }

  /// The same by a loop over neighbours: what it reads, where it writes, and how many.
  func mappedRuns<Scalar: PlainScalar>(
    _: Scalar.Type, grain: Int,
    _ loop: (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, Int) -> Void
  ) throws -> Tensor {
    let source = isPacked ? self : try contiguous(preferredFormat)
    let count = elementCount
    let storage = try source.withUnsafeElements { (input: UnsafePointer<Scalar>) in
      try TensorStorage(byteCount: byteCount) { bytes in
        guard count > 0, let output = bytes.bindMemory(to: Scalar.self).baseAddress else { return }
        Parallel.forRanges(count, grain: grain) { range in
          loop(input + range.lowerBound, output + range.lowerBound, range.count)
        }
      }
    }
    return Tensor(
      dtype: dtype, shape: shape, strides: source.strides, offset: 0, storage: storage)
  }
}

/// Loops over neighbouring scalars.
enum Elements {
  @inline(__always)
  static func map<Function: ElementFunction>(
    _ input: UnsafePointer<Function.Scalar>, _ output: UnsafeMutablePointer<Function.Scalar>,
    _ count: Int, _ function: Function
  ) {
    for i in 0..<count { output[i] = function(input[i]) }
  }
}
