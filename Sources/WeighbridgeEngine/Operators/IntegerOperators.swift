/// Arithmetic of integers and conditions, which indices and masks are made of. It runs on the plain
/// kernels of int64 or, where a function is the same for both, of float64 as far as that is exact.
extension Tensor {
  /// Both tensors in the dtype in which PyTorch combines them: integers and `bool` beside a
  /// floating-point tensor become its dtype; of two integers the wider, signed where one is.
  ///
  /// - Throws: `shape` for two floating-point dtypes, which a model has by mistake; `unsupported` for
  ///   uint64 beside a signed integer.
  static func promoted(_ a: Tensor, _ b: Tensor) throws -> (Tensor, Tensor) {
    guard a.dtype != b.dtype else { return (a, b) }
    switch (a.dtype.isFloatingPoint, b.dtype.isFloatingPoint) {
    case (true, true):
      throw WeighbridgeError(.shape, "an operator got both \(a.dtype) and \(b.dtype)")
    case (true, false): return (a, try b.converted(to: a.dtype))
    case (false, true): return (try a.converted(to: b.dtype), b)
    case (false, false):
      let common = try DType.common(a.dtype, b.dtype)
      return (try a.converted(to: common), try b.converted(to: common))
    }
  }

  /// The integers as float64, each exactly.
  ///
  /// - Throws: `unsupported` for one beyond 2⁵³.
  func exactDouble() throws -> Tensor {
    if dtype == .bool { return try converted(to: .float64) }
    let values = try converted(to: .int64).elements(as: Int64.self)
    if let large = values.first(where: { abs($0.clamped) > 1 << 53 }) {
      throw WeighbridgeError(.unsupported, "the integer \(large) is beyond 2⁵³")
    }
    return try converted(to: .float64)
  }

  /// Elementwise arithmetic of two tensors of one integer dtype.
  func combinedIntegers(
    _ operation: BinaryOperation, _ other: Tensor, output: Shape
  ) throws -> Tensor {
    if operation == .divide {
      return try converted(to: .float32).combined(.divide, other.converted(to: .float32))
    }
    if dtype == .bool, operation == .subtract || operation == .floorDivide {
      throw WeighbridgeError(.shape, "conditions have no \(operation.rawValue)")
    }
    let a = try converted(to: .int64).expanded(to: output).elements(as: Int64.self)
    let b = try other.converted(to: .int64).expanded(to: output).elements(as: Int64.self)
    return try Tensor(
      zip(a, b).map { try Self.combined(operation, $0, $1) }, shape: output
    ).converted(to: dtype)
  }

  /// Sums and products wrap, as PyTorch's.
  private static func combined(
    _ operation: BinaryOperation, _ a: Int64, _ b: Int64
  ) throws -> Int64 {
    switch operation {
    case .add: return a &+ b
    case .subtract: return a &- b
    case .multiply: return a &* b
    case .minimum: return min(a, b)
    case .maximum: return max(a, b)
    case .power:
      guard b >= 0 else {
        throw WeighbridgeError(.shape, "an integer to the negative exponent \(b) is none")
      }
      return power(a, b)
    case .divide, .floorDivide, .remainder:
      guard b != 0 else { throw WeighbridgeError(.shape, "an integer is divided by 0") }
      let (quotient, rest) = (
        a.dividedReportingOverflow(by: b).partialValue,
        a.remainderReportingOverflow(dividingBy: b).partialValue
      )
      let isBelow = rest != 0 && (b < 0) != (rest < 0)
      if operation == .remainder { return isBelow ? rest + b : rest }
      return isBelow ? quotient - 1 : quotient
    }
  }

  private static func power(_ base: Int64, _ exponent: Int64) -> Int64 {
    var (result, square, rest) = (Int64(1), base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = result &* square }
      square = square &* square
      rest >>= 1
    }
    return result
  }

  /// A function of integers: an integer where it always is one, else float32, as in PyTorch.
  func mappedIntegers(_ operation: UnaryOperation) throws -> Tensor {
    let isWhole: Bool
    switch operation {
    case .negate, .absolute, .square, .rounded, .floor, .ceiling, .truncated, .sign: isWhole = true
    case .clamp(let lower, let upper):
      isWhole = [lower, upper].allSatisfy { $0 == $0.rounded() || $0.isInfinite }
    case .affine(let scale, let shift): isWhole = [scale, shift].allSatisfy { $0 == $0.rounded() }
    case .power(let exponent): isWhole = exponent >= 0 && exponent == exponent.rounded()
    default: isWhole = false
    }
    guard isWhole else { return try converted(to: .float32).mapped(operation) }
    let mapped = try exactDouble().mapped(operation)
    return try mapped.casted(to: dtype == .bool ? .int64 : dtype)
  }

  /// A reduction of integers; sums and products are int64, as in PyTorch.
  ///
  /// - Throws: `shape` for the mean, which integers have none of.
  func reducedIntegers(
    _ reduction: Reduction, axes: [Int], keepingAxes: Bool
  ) throws -> Tensor {
    guard reduction != .mean else {
      throw WeighbridgeError(
        .shape, "there is no mean of \(dtype)", remedy: "Convert it to float32 first")
    }
    if reduction == .product {
      let result = try integerProduct(axes)
      return try keepingAxes ? result : axes.reversed().reduce(result) { try $0.squeezed($1) }
    }
    let result = try exactDouble().reduced(reduction, axes: axes, keepingAxes: keepingAxes)
    return try result.casted(to: reduction == .sum ? .int64 : dtype)
  }

  /// The products along axes, which stay with extent 1; they wrap, as PyTorch's.
  private func integerProduct(_ axes: [Int]) throws -> Tensor {
    let kept = shape.indices.filter { !axes.contains($0) }
    let factors = try converted(to: .int64).permuted(kept + axes).elements(as: Int64.self)
    let length = axes.reduce(1) { $0 * shape[$1] }
    let products = (0..<kept.reduce(1) { $0 * shape[$1] }).map { place in
      factors[place * length..<(place + 1) * length].reduce(Int64(1), &*)
    }
    let output = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    return try Tensor(products, shape: Shape(output))
  }
}

extension Int64 {
  /// The number whose magnitude exists.
  fileprivate var clamped: Int64 { Swift.max(self, -.max) }
}

extension DType {
  /// The integer dtype of the result of two.
  fileprivate static func common(_ a: DType, _ b: DType) throws -> DType {
    if a == .bool { return b }
    if b == .bool { return a }
    let unsigned: Set<DType> = [.uint8, .uint16, .uint32, .uint64]
    let (wide, narrow) = a.byteCount >= b.byteCount ? (a, b) : (b, a)
    guard unsigned.contains(a) != unsigned.contains(b) else { return wide }
    if !unsigned.contains(wide), wide.byteCount > narrow.byteCount { return wide }
    let signed = unsigned.contains(a) ? b : a
    let needed = 2 * (signed == a ? b : a).byteCount
    guard let wider = [DType.int16, .int32, .int64].first(where: { $0.byteCount >= needed }) else {
      throw WeighbridgeError(.unsupported, "no integer holds both \(a) and \(b)")
    }
    return wider
  }
}
