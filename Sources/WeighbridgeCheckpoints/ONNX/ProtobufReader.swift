import WeighbridgeTensors
import WeighbridgeWeights

/// The fields of a protocol buffer message, one after another, each checked against the message's end.
///
/// Source: protobuf.dev/programming-guides/encoding. Groups, which no message here has, are refused.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    /// Where four or eight bytes, or a message, text or packed numbers lie in the file.
    case fixed(Range<Int>)
    case bytes(Range<Int>)
  }

  struct Field {
    let number: Int
    let value: Value

    var bytes: Range<Int>? {
      if case .bytes(let range) = value { range } else { nil }
    }

    var varint: UInt64? {
      if case .varint(let value) = value { value } else { nil }
    }
  }

  let file: UnsafeRawBufferPointer
  private(set) var position: Int
  let end: Int

  /// - Parameter range: Where the message lies in the file; cut to the file's end.
  init(_ file: UnsafeRawBufferPointer, _ range: Range<Int>? = nil) {
    self.file = file
    position = min(range?.lowerBound ?? 0, file.count)
    end = min(range?.upperBound ?? file.count, file.count)
  }

  static func damaged(_ what: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the ONNX file is damaged: \(what)", remedy: "Save or download it again")
  }

  /// The next field; `nil` at the message's end.
  mutating func next() throws -> Field? {
    guard position < end else { return nil }
    let tag = try varint()
    guard let number = Int(exactly: tag >> 3), number > 0, number < 1 << 29 else {
      throw ProtobufReader.damaged("a field has no number")
    }
    switch tag & 7 {
    case 0: return Field(number: number, value: .varint(try varint()))
    case 1: return Field(number: number, value: .fixed(try take(8)))
    case 2:
      guard let count = Int(exactly: try varint()) else {
        throw ProtobufReader.damaged("a field is longer than any file")
      }
      return Field(number: number, value: .bytes(try take(count)))
    case 5: return Field(number: number, value: .fixed(try take(4)))
    default: throw ProtobufReader.damaged("a field is of a kind that is not known")
    }
  }

  mutating func varint() throws -> UInt64 {
    var (value, shift): (UInt64, UInt64) = (0, 0)
    while position < end, shift < 64 {
      let byte = file[position]
      position += 1
      guard shift < 63 || byte & 0x7f <= 1 else { break }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    throw ProtobufReader.damaged(
      position < end ? "a number is longer than 64 bits" : "a message ends in the middle")
  }

  private mutating func take(_ count: Int) throws -> Range<Int> {
    guard count <= end - position else {
      throw ProtobufReader.damaged("a message ends in the middle")
    }
    defer { position += count }
    return position..<(position + count)
  }

  /// The text of a range; what is no UTF-8 is repaired.
  func text(_ range: Range<Int>) -> String { String(decoding: file[range], as: UTF8.self) }
}
