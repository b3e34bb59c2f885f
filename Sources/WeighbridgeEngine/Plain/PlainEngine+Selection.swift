import WeighbridgeParallel
import WeighbridgeTensors

/// Comparisons, and choices by them.
extension PlainEngine {
  func compared(
    _ comparison: Comparison, _ a: Tensor, _ b: Tensor, output: Shape
  ) throws -> Tensor {
    switch a.dtype {
    case .float32: return try compared(comparison, a, b, output, Float.self)
    case .float64: return try compared(comparison, a, b, output, Double.self)
    case .float16, .bfloat16, .float8E4M3, .float8E5M2:
      return try compared(
        comparison, a.converted(to: .float32), b.converted(to: .float32), output, Float.self)
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool:
      return try compared(
        comparison, a.converted(to: .int64), b.converted(to: .int64), output, Int64.self)
    }
  }

  private func compared<S: TensorElement & Comparable>(
    _ comparison: Comparison, _ a: Tensor, _ b: Tensor, _ output: Shape, _: S.Type
  ) throws -> Tensor {
    switch comparison {
    case .equal: try compared(a, b, output) { (a: S, b: S) in a == b }
    case .notEqual: try compared(a, b, output) { (a: S, b: S) in a != b }
    case .less: try compared(a, b, output) { (a: S, b: S) in a < b }
    case .lessOrEqual: try compared(a, b, output) { (a: S, b: S) in a <= b }
    case .greater: try compared(a, b, output) { (a: S, b: S) in a > b }
    case .greaterOrEqual: try compared(a, b, output) { (a: S, b: S) in a >= b }
    }
  }

  @inline(__always)
  private func compared<S: TensorElement>(
    _ a: Tensor, _ b: Tensor, _ output: Shape, _ holds: (S, S) -> Bool
  ) throws -> Tensor {
    let (a, b) = (try a.expanded(to: output), try b.expanded(to: output))
    let format = a.preferredFormat
    let loop = StridedLoop(
      shape: output, output: format.strides(of: output), a: a.strides, b: b.strides)
    return try Tensor(shape: output, format: format) {
      (target: UnsafeMutableBufferPointer<UInt8>) in
      guard let target = target.baseAddress, output.elementCount > 0 else { return }
      try a.withUnsafeElements { (a: UnsafePointer<S>) in
        try b.withUnsafeElements { (b: UnsafePointer<S>) in
          let steps = loop.innerSteps
          loop.forEachRun { start, aStart, bStart, count in
            for i in 0..<count {
              let isSo = holds(a[aStart + i * steps.a], b[bStart + i * steps.b])
              target[start + i * steps.output] = isSo ? 1 : 0
            }
          }
        }
      }
    }.reinterpreted(as: .bool)
  }

  func chosen(_ condition: Tensor, _ a: Tensor, _ b: Tensor, output: Shape) throws -> Tensor {
    switch a.dtype.byteCount {
    case 1: try chosen(condition, a, b, output, UInt8.self)
    case 2: try chosen(condition, a, b, output, UInt16.self)
    case 4: try chosen(condition, a, b, output, UInt32.self)
    default: try chosen(condition, a, b, output, UInt64.self)
    }
  }

  /// b's elements, then a's where the condition holds: two passes, each of two operands.
  private func chosen<Word: TensorElement>(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, _ output: Shape, _: Word.Type
  ) throws -> Tensor {
    let format = [a, b].first { $0.shape == output }?.preferredFormat ?? .contiguous
    let strides = format.strides(of: output)
    let condition = try condition.expanded(to: output)
    let a = try a.aligned().expanded(to: output)
    let b = try b.aligned().expanded(to: output)
    let copying = StridedLoop(shape: output, output: strides, a: b.strides, b: b.strides)
    let choosing = StridedLoop(shape: output, output: strides, a: condition.strides, b: a.strides)
    let size = MemoryLayout<Word>.size
    return try Tensor(shape: output, format: format) {
      (target: UnsafeMutableBufferPointer<Word>) in
      guard let target = target.baseAddress, output.elementCount > 0 else { return }
      try b.withRawElements { input in
        let steps = copying.innerSteps
        copying.forEachRun { start, from, _, count in
          for i in 0..<count {
            target[start + i * steps.output] = input.load(
              fromByteOffset: (from + i * steps.a) * size, as: Word.self)
          }
        }
      }
      try condition.withUnsafeElements { (holds: UnsafePointer<UInt8>) in
        try a.withRawElements { input in
          let steps = choosing.innerSteps
          choosing.forEachRun { start, condition, from, count in
            for i in 0..<count where holds[condition + i * steps.a] != 0 {
              target[start + i * steps.output] = input.load(
                fromByteOffset: (from + i * steps.b) * size, as: Word.self)
            }
          }
        }
      }
    }.reinterpreted(as: a.dtype)
  }
}
