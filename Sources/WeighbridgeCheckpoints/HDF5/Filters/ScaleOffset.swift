import WeighbridgeTensors
import WeighbridgeWeights

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// HDF5's scale-offset filter: numbers as their distance from the least, in as few bits as hold it; floats
/// as integers of a number of decimals.
struct ScaleOffset {
  private let decimals: Int
  private let count: Int
  private let isFloat: Bool
  private let size: Int
  private let isBigEndian: Bool
  /// The element that is stored as all ones; `nil` when there is none.
  private let fill: UInt64?

  /// - Throws: `malformed` when its parameters are wrong, `unsupported` for a scale of a power of two.
  init(_ filter: HDF5Filter) throws {
    let values = filter.values
    guard values.count >= 8 else { throw HDF5Structure.damaged("a filter has too few parameters") }
    guard values[3] == 0 || values[0] == 0 else {
      throw WeighbridgeError(
        .unsupported, "is encoded by scaleoffset with a binary exponent, which is not read",
        remedy: "Save it with gzip or without compression")
    }
    decimals = Int(Int32(bitPattern: values[1]))
    count = Int(values[2])
    isFloat = values[3] == 1
    size = Int(values[4])
    isBigEndian = values[6] == 1
    guard [1, 2, 4, 8].contains(size), !isFloat || size >= 4, abs(decimals) < 400 else {
      throw HDF5Structure.damaged("a filter has wrong parameters")
    }
    let bytes =
      (UInt64(values.count > 9 ? values[9] : 0) << 32)
      | UInt64(values.count > 8 ? values[8] : 0)
    fill = values[7] == 1 ? ScaleOffset.truncated(bytes, size * 8) : nil
  }

  /// The lowest bits of a value.
  private static func truncated(_ value: UInt64, _ bits: Int) -> UInt64 {
    bits >= 64 ? value : value & (1 << UInt64(bits) - 1)
  }

  /// Decodes a chunk: how many bits an element has, the least element, then the elements' bits, the
  /// highest first.
  func decode(
    _ input: UnsafeRawBufferPointer, elementSize: Int, into output: UnsafeMutableRawBufferPointer
  ) throws {
    let start = 21
    guard size == elementSize, count == output.count / size, input.count >= start,
      let bits: UInt32 = input.littleEndian(at: 0), Int(bits) <= size * 8,
      let least: UInt64 = input.littleEndian(at: 5),
      (count * Int(bits) + 7) / 8 <= input.count - start
    else { throw HDF5ChunkDecoder.damaged }
    var reader = BitReader(bytes: input, position: start)
    for index in 0..<count {
      let stored = reader.next(Int(bits), isPlain: Int(bits) == size * 8, size: size)
      let value = Int(bits) == size * 8 ? stored : element(stored, bits: Int(bits), least: least)
      for byte in 0..<size {
        let place = isBigEndian ? size - 1 - byte : byte
        output[index * size + place] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8))
      }
    }
  }

  private func element(_ stored: UInt64, bits: Int, least: UInt64) -> UInt64 {
    if let fill, stored == ScaleOffset.truncated(.max, bits) { return fill }
    guard isFloat else { return stored &+ least }
    if size == 4 {
      let scale = Float(ScaleOffset.power(decimals))
      let value =
        Float(Int32(truncatingIfNeeded: stored)) / scale
        + Float(bitPattern: UInt32(truncatingIfNeeded: least))
      return UInt64(value.bitPattern)
    }
    let value =
      Double(Int64(bitPattern: stored)) / ScaleOffset.power(decimals)
      + Double(bitPattern: least)
    return value.bitPattern
  }

  private static func power(_ decimals: Int) -> Double { pow(10, Double(decimals)) }
}

/// Bits of a buffer, the highest of a byte first.
private struct BitReader {
  let bytes: UnsafeRawBufferPointer
  /// The next bit is in this byte.
  var position: Int
  private var used = 0

  init(bytes: UnsafeRawBufferPointer, position: Int) {
    (self.bytes, self.position) = (bytes, position)
  }

  /// - Parameter isPlain: Whether elements are whole, as they lie in memory.
  mutating func next(_ count: Int, isPlain: Bool, size: Int) -> UInt64 {
    if isPlain {
      defer { position += size }
      return (0..<size).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64($1 * 8) }
    }
    var (value, left) = (UInt64(0), count)
    while left > 0 {
      let take = min(left, 8 - used)
      let part = (bytes[position] << UInt8(used)) >> UInt8(8 - take)
      value = value << UInt64(take) | UInt64(part)
      left -= take
      used += take
      if used == 8 { (position, used) = (position + 1, 0) }
    }
    return value
  }
}
