import WeighbridgeTensors

/// The LZF compression of h5py's filter 32000: runs of plain bytes, and copies of what came before.
enum LZF {
  /// Three bytes stand for 264 at most.
  static let bestRatio = 88

  /// Decompresses `input` into the beginning of `output`, and returns how many bytes came out.
  ///
  /// - Throws: `malformed` when a copy or a run leaves its buffer.
  static func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    var (position, filled) = (0, 0)
    while position < input.count {
      let control = Int(input[position])
      position += 1
      if control < 32 {  // that many plain bytes and one more
        let count = control + 1
        guard count <= input.count - position, count <= output.count - filled else {
          throw HDF5ChunkDecoder.damaged
        }
        for index in 0..<count { output[filled + index] = input[position + index] }
        position += count
        filled += count
        continue
      }
      var count = control >> 5
      let extra = count == 7 ? 2 : 1
      guard extra <= input.count - position else { throw HDF5ChunkDecoder.damaged }
      if count == 7 {
        count += Int(input[position])
        position += 1
      }
      let distance = (control & 31) << 8 + Int(input[position]) + 1
      position += 1
      count += 2
      guard distance <= filled, count <= output.count - filled else {
        throw HDF5ChunkDecoder.damaged
      }
      // Byte by byte: a copy may read what it has just written.
      for index in 0..<count { output[filled + index] = output[filled + index - distance] }
      filled += count
    }
    return filled
  }
}
