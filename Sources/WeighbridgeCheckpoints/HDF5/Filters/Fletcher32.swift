import WeighbridgeTensors
import WeighbridgeWeights

/// HDF5's checksum at the end of a chunk.
enum Fletcher32 {
  /// The bytes before the checksum.
  ///
  /// - Throws: `malformed` when it is another.
  static func checked(_ bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    guard let content = bytes.slice(at: 0, count: bytes.count - 4),
      let stored = bytes.littleEndian(at: bytes.count - 4, as: UInt32.self)
    else { throw HDF5ChunkDecoder.damaged }
    guard Checksums.agree(stored, checksum(content)) else {
      throw WeighbridgeError(
        .malformed, "the bytes are damaged: their Fletcher-32 checksum is another",
        remedy: "Save or download the file again")
    }
    return content
  }

  /// Sums of big-endian 16-bit words modulo 65535, as libhdf5 computes them.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (0, 0)
    var position = 0
    while position + 1 < bytes.count {
      let end = min(bytes.count - 1, position + 720)  // 360 words fit before 32 bits overflow
      while position < end {
        low &+= UInt32(bytes[position]) << 8 | UInt32(bytes[position + 1])
        high &+= low
        position += 2
      }
      low = (low & 0xffff) + (low >> 16)
      high = (high & 0xffff) + (high >> 16)
    }
    if bytes.count % 2 == 1 {
      low &+= UInt32(bytes[bytes.count - 1]) << 8
      high &+= low
      low = (low & 0xffff) + (low >> 16)
      high = (high & 0xffff) + (high >> 16)
    }
    low = (low & 0xffff) + (low >> 16)
    high = (high & 0xffff) + (high >> 16)
    return high << 16 | low
  }
}
