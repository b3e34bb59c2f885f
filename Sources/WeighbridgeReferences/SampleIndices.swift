/// Which elements of a large activation a sampled reference holds.
///
/// Of `count` elements in row-major order, n = min(limit, count) are taken: the range is cut into n
/// strata, the first `count mod n` of them one longer than the others, and one element is drawn from
/// each. In unsigned 64-bit arithmetic, with h the FNV-1a hash (64 bits) of the UTF-8 bytes of the
/// entry's name (`layer1.0.relu#1`),
///
///     draw(i)   = mix((seed xor h) + (i + 1) · 0x9E3779B97F4A7C15)        (SplitMix64)
///     start(i)  = i · (count div n) + min(i, count mod n)
///     length(i) = count div n + (1 if i < count mod n else 0)
///     index(i)  = start(i) + draw(i) mod length(i)
///
/// `tools/recorder/weighbridge_recorder/sampling.py` defines the same.
package struct SampleIndices: Sendable {
  package static let algorithm = "stratified-splitmix64"
  package static let version = 1
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// How many are taken.
  package let taken: Int
  private let start: UInt64
  private let size: Int
  private let longer: Int

  /// - Parameters:
  ///   - count: The activation's elements, at least 1.
  ///   - limit: At least 1.
  package init(seed: Int, name: String, count: Int, limit: Int) {
    taken = max(1, min(limit, count))
    (size, longer) = count.quotientAndRemainder(dividingBy: taken)
    start = UInt64(bitPattern: Int64(seed)) ^ SampleIndices.hash(name)
  }

  /// The i-th index, of 0 to `taken` − 1; they ascend.
  package subscript(i: Int) -> Int {
    let draw = SampleIndices.mix(start &+ UInt64(i + 1) &* SampleIndices.golden)
    let length = size + (i < longer ? 1 : 0)
    return i * size + min(i, longer) + Int(draw % UInt64(max(1, length)))
  }

  /// What tells one sequence of indices from another: Σ mix(index(i) + (i + 1) · 0x9E37…) in sixteen
  /// hexadecimal digits.
  package var checkValue: String {
    var sum: UInt64 = 0
    for i in 0..<taken {
      sum &+= SampleIndices.mix(UInt64(self[i]) &+ UInt64(i + 1) &* SampleIndices.golden)
    }
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// FNV-1a, 64 bits.
  package static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// SplitMix64's finaliser.
  package static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
