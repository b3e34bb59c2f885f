import CDeflate
import WeighbridgeTensors

/// Raw deflate streams, compressed in one call.
enum Deflate {
  /// Two parts, one behind the other, as one stream.
  ///
  /// - Parameter level: From 1, the fastest, to 9.
  /// - Returns: `nil` where it would not be smaller.
  /// - Throws: `engine` when there is not enough memory.
  static func run(
    _ header: [UInt8], _ content: UnsafeRawBufferPointer, level: Int
  ) throws -> [UInt8]? {
    guard let compressor = libdeflate_alloc_compressor(Int32(min(max(level, 1), 9))) else {
      throw WeighbridgeError(.engine, "not enough memory to compress")
    }
    defer { libdeflate_free_compressor(compressor) }
    let input = header + content
    let output = [UInt8](unsafeUninitializedCapacity: input.count) { output, count in
      // Where the room is too small, nothing comes out.
      count = libdeflate_deflate_compress(
        compressor, input, input.count, output.baseAddress, output.count)
    }
    return output.isEmpty ? nil : output
  }
}
