import WeighbridgeModules

/// Reads blocks of a packed tensor of any dtype as float64.
struct BlockLoader {
  private let base: UnsafeRawPointer
  private let dtype: DType

  /// - Parameter base: The address of the first element, which may be any byte.
  init(_ base: UnsafeRawPointer, _ dtype: DType) {
    self.base = base
    self.dtype = dtype
  }

  /// Elements `start` to `start + count` in the order of memory.
  func load(_ start: Int, _ count: Int, into target: UnsafeMutablePointer<Double>) {
    let source = base + start * dtype.byteCount
    switch dtype {
    case .float32: fill(target, count, from: source) { (x: Float) in Double(x) }
    case .float64: fill(target, count, from: source) { (x: Double) in x }
    case .float16:
      fill(target, count, from: source) { (x: UInt16) in Double(HalfPrecision.float16(x)) }
    case .bfloat16:
      fill(target, count, from: source) { (x: UInt16) in Double(HalfPrecision.bfloat16(x)) }
    case .float8E4M3:
      fill(target, count, from: source) { (x: UInt8) in Double(EightBits.float8E4M3(x)) }
    case .float8E5M2:
      fill(target, count, from: source) { (x: UInt8) in Double(EightBits.float8E5M2(x)) }
    case .int8: fill(target, count, from: source) { (x: Int8) in Double(x) }
    case .int16: fill(target, count, from: source) { (x: Int16) in Double(x) }
    case .int32: fill(target, count, from: source) { (x: Int32) in Double(x) }
    case .int64: fill(target, count, from: source) { (x: Int64) in Double(x) }
    case .uint8: fill(target, count, from: source) { (x: UInt8) in Double(x) }
    case .uint16: fill(target, count, from: source) { (x: UInt16) in Double(x) }
    case .uint32: fill(target, count, from: source) { (x: UInt32) in Double(x) }
    case .uint64: fill(target, count, from: source) { (x: UInt64) in Double(x) }
    case .bool: fill(target, count, from: source) { (x: UInt8) in x == 0 ? 0 : 1 }
    }
  }

  @inline(__always)
  private func fill<Element: BitwiseCopyable>(
    _ target: UnsafeMutablePointer<Double>, _ count: Int, from source: UnsafeRawPointer,
    _ widen: (Element) -> Double
  ) {
    let size = MemoryLayout<Element>.size
    for i in 0..<count {
      target[i] = widen(source.loadUnaligned(fromByteOffset: i &* size, as: Element.self))
    }
  }
}
