/// Tensors made from numbers, as PyTorch's factory functions make them.
extension Tensor {
  /// Zeros, as `torch.zeros`, held once.
  ///
  /// - Throws: `shape` when there are more elements than can be counted or an extent is negative.
  public static func zeros(_ shape: Shape, dtype: DType = .float32) throws -> Tensor {
    try full(shape, 0, dtype: dtype)
  }

  /// Ones, as `torch.ones`, held once.
  ///
  /// - Throws: As `zeros`.
  public static func ones(_ shape: Shape, dtype: DType = .float32) throws -> Tensor {
    try full(shape, 1, dtype: dtype)
  }

  /// One value everywhere, as `torch.full`, held once. An integer dtype takes the value without its
  /// fraction, `bool` whether it is not zero.
  ///
  /// - Throws: `shape` as `zeros`; `unsupported` for a value beyond the dtype's range.
  public static func full(
    _ shape: Shape, _ value: Double, dtype: DType = .float32
  ) throws -> Tensor {
    try Tensor(repeating: value, shape: []).casted(to: dtype).expanded(to: shape)
  }

  /// Whole numbers from `start` up to `end`, which is left out, as `torch.arange`: [count].
  ///
  /// - Throws: `shape` when `step` is 0 or leads away from `end`.
  public static func arange(
    from start: Int = 0, to end: Int, step: Int = 1, dtype: DType = .int64
  ) throws -> Tensor {
    try arange(from: Double(start), to: Double(end), step: Double(step), dtype: dtype)
  }

  /// start + i·step for as many i as stay before `end`: ⌈(end − start)/step⌉ numbers, as
  /// `torch.arange`. Each is computed in float64 and rounded once.
  ///
  /// - Throws: `shape` when a number is not finite, or `step` is 0 or leads away from `end`.
  public static func arange(
    from start: Double, to end: Double, step: Double, dtype: DType = .float32
  ) throws -> Tensor {
    let count = ((end - start) / step).rounded(.up)
    guard start.isFinite, end.isFinite, step.isFinite, step != 0, count >= 0, count < 0x1p53 else {
      throw WeighbridgeError(
        .shape, "there is no range from \(start) to \(end) in steps of \(step)")
    }
    return try Tensor(shape: [Int(count)]) { (output: UnsafeMutableBufferPointer<Double>) in
      for i in output.indices { output[i] = start + Double(i) * step }
    }.casted(to: dtype)
  }

  /// `count` numbers from `start` to `end`, both included, at equal distances: `torch.linspace`, which
  /// computes from both ends towards the middle.
  ///
  /// - Throws: `shape` when `count` is negative; `unsupported` for a dtype that is neither float32 nor
  ///   float64.
  public static func linspace(
    from start: Double, to end: Double, count: Int, dtype: DType = .float32
  ) throws -> Tensor {
    switch dtype {
    case .float32: return try linspace(Float(start), Float(end), count)
    case .float64: return try linspace(start, end, count)
    default:
      throw WeighbridgeError(.unsupported, "linspace gives float32 or float64, not \(dtype)")
    }
  }

  private static func linspace<S: TensorElement & BinaryFloatingPoint>(
    _ start: S, _ end: S, _ count: Int
  ) throws -> Tensor {
    try Tensor(shape: [count]) { (output: UnsafeMutableBufferPointer<S>) in
      guard count > 1 else { return output.update(repeating: start) }
      let step = (end - start) / S(count - 1)
      for i in 0..<count {
        output[i] =
          i < count / 2
          ? start.addingProduct(step, S(i)) : end.addingProduct(-step, S(count - i - 1))
      }
    }
  }
}
