import WeighbridgeTensors
import WeighbridgeWeights

/// A place in a GGUF file; every step is checked against its end.
struct GGUFCursor {
  let bytes: UnsafeRawBufferPointer
  var position: Int
  var isBigEndian = false
  /// Version 1 counts in 32 bits.
  var isNarrow = false

  init(_ bytes: UnsafeRawBufferPointer, at position: Int) {
    (self.bytes, self.position) = (bytes, position)
  }

  var left: Int { bytes.count - position }

  static func damaged(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the GGUF file is damaged: \(what)", remedy: "Save or download it again")
  }

  mutating func number<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type = Word.self
  ) throws -> Word {
    guard let little = bytes.littleEndian(at: position, as: Word.self) else {
      throw GGUFCursor.damaged("its header is cut off")
    }
    position += MemoryLayout<Word>.size
    return isBigEndian ? little.byteSwapped : little
  }

  /// A count of things that take at least `size` bytes each in what is left of the file.
  mutating func count(of what: String, size: Int) throws -> Int {
    let count = isNarrow ? UInt64(try number(UInt32.self)) : try number(UInt64.self)
    guard count <= UInt64(left / size) else {
      throw GGUFCursor.damaged("it promises \(count) \(what), more than it has room for")
    }
    return Int(count)
  }

  /// - Returns: `nil` for what is no UTF-8.
  mutating func text() throws -> String? {
    let count = try count(of: "bytes of text", size: 1)
    defer { position += count }
    return bytes.slice(at: position, count: count).flatMap { String(validating: $0, as: UTF8.self) }
  }

  mutating func skip(_ count: Int, of size: Int) throws {
    let (total, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, total <= left else { throw GGUFCursor.damaged("its header is cut off") }
    position += total
  }
}
