import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences

/// A change of a parameter that is small beside it, and large beside the limits that values are judged
/// by: what a verdict would have to notice.
struct Nudge: Sendable {
  /// How many values an RMS is taken of at most.
  private static let sampleCount = 1 << 16

  /// The change as a share of a parameter's RMS.
  let relative: Double

  /// 1/16; more where the reference is recorded in a coarse dtype, or much is tolerated.
  init(_ reference: Reference, _ tolerance: ElementwiseTolerance?) {
    let coarsest =
      reference.keys.compactMap { reference.description(of: $0)?.dtype }
      .filter(\.isFloatingPoint).map(\.unitRoundoff).max() ?? 0
    let wanted = max(64 * coarsest, 16 * (tolerance?.relative ?? 0))
    // A power of two, so that it can be said as a fraction.
    var relative = 0x1p-4
    while relative < wanted, relative < 1 { relative *= 2 }
    self.relative = relative
  }

  /// How far each value of a parameter is moved; of a variance, by which share of itself.
  func amount(_ name: String, _ tensor: Tensor) throws -> Double {
    if Nudge.isRelative(name) { return relative }
    let count = tensor.elementCount
    guard count > 0 else { return 0 }
    let packed = try tensor.converted(to: .float32).contiguous()
    let energy = try packed.withUnsafeElements { (values: UnsafePointer<Float>) in
      Nudge.energy(values, count)
    }
    let sampled = (count - 1) / Nudge.step(count) + 1
    let rms = (energy / Double(sampled)).squareRoot()
    return relative * (rms > 0 && rms.isFinite ? rms : 1)
  }

  /// The parameter with every value moved by that, up or down at random, the same each time.
  ///
  /// - Parameter section: Of how many equal parts of the first axis only the one at an index is moved.
  func changed(
    _ name: String, _ tensor: Tensor, section: (index: Int, count: Int)? = nil
  ) throws -> Tensor {
    let amount = Float(try amount(name, tensor))
    var values = try tensor.elements(as: Float.self)
    let length = values.count / max(1, section?.count ?? 1)
    let start = (section?.index ?? 0) * length
    if Nudge.isRelative(name) {
      for index in values.indices { values[index] *= 1 + amount }
    } else {
      var state = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }
      for index in start..<min(values.count, start + length) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        values[index] += state >> 63 == 0 ? amount : -amount
      }
    }
    return try Tensor(values, shape: tensor.shape).converted(to: tensor.dtype)
  }

  /// A variance stays one.
  private static func isRelative(_ name: String) -> Bool {
    name == "running_var" || name.hasSuffix(".running_var")
  }

  /// The sum of squares of some of the values, spread over all: never more than that of all.
  static func energy(
    _ values: UnsafePointer<Float>, _ count: Int
  ) -> Double {
    var sum = 0.0
    for index in stride(from: 0, to: count, by: step(count)) {
      let value = Double(values[index])
      sum += value * value
    }
    return sum
  }

  /// Odd, so that it goes through rows and channels.
  static func step(_ count: Int) -> Int {
    count <= sampleCount ? 1 : (count / sampleCount) | 1
  }
}
