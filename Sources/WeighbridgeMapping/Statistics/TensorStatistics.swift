import Synchronization
import WeighbridgeCheckpoints
import WeighbridgeParallel
import WeighbridgeTensors

/// The figures of a tensor's values, in float64; NaN and infinite values are counted and left out.
public struct TensorStatistics: Sendable, Hashable {
  /// The number of finite values.
  public private(set) var finite = 0
  /// The number of NaNs.
  public private(set) var nan = 0
  /// The number of infinite values, of both signs.
  public private(set) var infinite = 0
  /// The least finite value; NaN when there is none.
  public private(set) var minimum = Double.nan
  /// The greatest finite value; NaN when there is none.
  public private(set) var maximum = Double.nan
  /// The mean of the finite values; NaN when there is none.
  public private(set) var mean = Double.nan
  /// The population's standard deviation.
  public var standardDeviation: Double {
    finite == 0 ? .nan : (squares / Double(finite)).squareRoot()
  }
  /// The sum of squared distances from the mean.
  private var squares = 0.0

  private init() {}

  /// The figures of a checkpoint's entry, read in blocks: memory is needed for one of them.
  ///
  /// - Throws: What reading throws.
  public init(of name: String, in checkpoint: any Checkpoint) throws {
    self.init()
    try checkpoint.forEachBlock(of: name, limit: 16 << 20) { block in
      self = joined(with: try TensorStatistics(block))
    }
  }

  /// Reads every element once, on all compute threads.
  ///
  /// - Throws: `shape` for a descriptor.
  public init(_ tensor: Tensor) throws {
    let packed = try tensor.contiguous(tensor.preferredFormat)
    switch packed.dtype {
    case .float32: try self.init(packed) { (x: Float) in Double(x) }
    case .float64: try self.init(packed) { (x: Double) in x }
    case .float16: try self.init(packed) { (x: UInt16) in Double(HalfPrecision.float16(x)) }
    case .bfloat16: try self.init(packed) { (x: UInt16) in Double(HalfPrecision.bfloat16(x)) }
    case .float8E4M3: try self.init(packed) { (x: UInt8) in Double(EightBits.float8E4M3(x)) }
    case .float8E5M2: try self.init(packed) { (x: UInt8) in Double(EightBits.float8E5M2(x)) }
    case .int8: try self.init(packed) { (x: Int8) in Double(x) }
    case .int16: try self.init(packed) { (x: Int16) in Double(x) }
    case .int32: try self.init(packed) { (x: Int32) in Double(x) }
    case .int64: try self.init(packed) { (x: Int64) in Double(x) }
    case .uint8: try self.init(packed) { (x: UInt8) in Double(x) }
    case .uint16: try self.init(packed) { (x: UInt16) in Double(x) }
    case .uint32: try self.init(packed) { (x: UInt32) in Double(x) }
    case .uint64: try self.init(packed) { (x: UInt64) in Double(x) }
    case .bool: try self.init(packed) { (x: UInt8) in x == 0 ? 0 : 1 }
    }
  }

  private init<Element: TensorElement>(
    _ tensor: Tensor, _ load: @escaping @Sendable (Element) -> Double
  ) throws {
    let parts = Mutex<[(start: Int, figures: TensorStatistics)]>([])
    let count = tensor.elementCount
    try tensor.withUnsafeElements { (pointer: UnsafePointer<Element>) in
      nonisolated(unsafe) let pointer = pointer
      Parallel.forRanges(count, grain: 1 << 16) { range in
        let buffer = UnsafeBufferPointer(start: pointer + range.lowerBound, count: range.count)
        let figures = TensorStatistics(buffer, load)
        parts.withLock { $0.append((range.lowerBound, figures)) }
      }
    }
    // Joined in order, so that the same tensor gives the same figures every time.
    let ordered = parts.withLock { $0 }.sorted { $0.start < $1.start }
    self = ordered.reduce(TensorStatistics()) { $0.joined(with: $1.figures) }
  }

  private init<Element>(_ values: UnsafeBufferPointer<Element>, _ load: (Element) -> Double) {
    // Distances from the first finite value keep the squares small where the mean is far from 0.
    var origin = 0.0
    var hasOrigin = false
    var (sum, sumOfSquares) = (0.0, 0.0)
    var (low, high) = (Double.infinity, -Double.infinity)
    for element in values {
      let value = load(element)
      guard value.isFinite else {
        if value.isNaN { nan += 1 } else { infinite += 1 }
        continue
      }
      if !hasOrigin { (origin, hasOrigin) = (value, true) }
      let distance = value - origin
      sum += distance
      sumOfSquares += distance * distance
      low = min(low, value)
      high = max(high, value)
      finite += 1
    }
    guard finite > 0 else { return }
    (minimum, maximum) = (low, high)
    mean = origin + sum / Double(finite)
    squares = max(0, sumOfSquares - sum * sum / Double(finite))
  }

  /// The figures of both parts together (Chan, Golub and LeVeque).
  private func joined(with other: TensorStatistics) -> TensorStatistics {
    var result = self
    result.nan += other.nan
    result.infinite += other.infinite
    guard other.finite > 0 else { return result }
    guard finite > 0 else {
      var copy = other
      (copy.nan, copy.infinite) = (result.nan, result.infinite)
      return copy
    }
    let total = Double(finite + other.finite)
    let gap = other.mean - mean
    result.finite = finite + other.finite
    result.mean = mean + gap * Double(other.finite) / total
    result.squares += other.squares + gap * gap * Double(finite) * Double(other.finite) / total
    result.minimum = min(minimum, other.minimum)
    result.maximum = max(maximum, other.maximum)
    return result
  }
}
