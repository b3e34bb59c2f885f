import CDeflate
import WeighbridgeTensors

/// Raw deflate and zlib streams, decompressed in one call.
enum Inflate {
  enum Wrapper {
    /// Bare deflate, as in zip.
    case none
    /// zlib's header and Adler-32, as in HDF5.
    case zlib
  }

  /// Decompresses `input` into exactly `output`.
  ///
  /// - Throws: `malformed` when the stream is damaged or its length is another.
  static func run(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
    wrapper: Wrapper = .none
  ) throws {
    guard let decompressor = libdeflate_alloc_decompressor() else {
      throw WeighbridgeError(.engine, "not enough memory to decompress")
    }
    defer { libdeflate_free_decompressor(decompressor) }
    // A null length asks for exactly the output's size.
    let result =
      switch wrapper {
      case .none:
        libdeflate_deflate_decompress(
          decompressor, input.baseAddress, input.count, output.baseAddress, output.count, nil)
      case .zlib:
        libdeflate_zlib_decompress(
          decompressor, input.baseAddress, input.count, output.baseAddress, output.count, nil)
      }
    switch result {
    case LIBDEFLATE_SUCCESS: return
    case LIBDEFLATE_SHORT_OUTPUT, LIBDEFLATE_INSUFFICIENT_SPACE:
      throw WeighbridgeError(
        .malformed, "the compressed data does not hold the \(output.count) bytes it promises",
        remedy: "Save or download the file again")
    default:
      throw WeighbridgeError(
        .malformed, "the compressed data is damaged", remedy: "Save or download the file again")
    }
  }

  /// Decompresses a zlib stream into the beginning of `output`, and returns how many bytes came out.
  ///
  /// - Throws: `malformed` when the stream is damaged or longer.
  static func run(
    _ input: UnsafeRawBufferPointer, upTo output: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    guard let decompressor = libdeflate_alloc_decompressor() else {
      throw WeighbridgeError(.engine, "not enough memory to decompress")
    }
    defer { libdeflate_free_decompressor(decompressor) }
    var count = 0
    let result = libdeflate_zlib_decompress(
      decompressor, input.baseAddress, input.count, output.baseAddress, output.count, &count)
    guard result == LIBDEFLATE_SUCCESS else {
      throw WeighbridgeError(
        .malformed, "the compressed data is damaged", remedy: "Save or download the file again")
    }
    return count
  }

  /// Whether deflate can hold `byteCount` bytes in `storedByteCount`: it reaches 1032 to 1 at most.
  static func isPossible(byteCount: Int, storedByteCount: Int) -> Bool {
    byteCount / 1032 <= storedByteCount
  }
}
