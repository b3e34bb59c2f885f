import WeighbridgeTensors

/// A small generator of repeatable random numbers, SplitMix64, so that a failing case can be run again.
public struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  public mutating func next(in range: ClosedRange<Double>) -> Double {
    Double.random(in: range, using: &self)
  }

  /// One of a few values.
  public mutating func pick<Value>(_ values: Value...) -> Value {
    values[Int(next() % UInt64(values.count))]
  }

  /// A float32 tensor of numbers within ±`scale`.
  public mutating func tensor(_ shape: Shape, scale: Float = 1) throws -> Tensor {
    try Tensor(
      (0..<shape.elementCount).map { _ in Float.random(in: -scale...scale, using: &self) },
      shape: shape)
  }
}
