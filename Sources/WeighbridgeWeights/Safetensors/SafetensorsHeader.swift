import WeighbridgeTensors

/// The header of a safetensors file: eight bytes with its length, then JSON with a dtype, a shape and
/// a byte range per tensor. The ranges must fill the rest of the file, without holes or overlaps.
///
/// Source: the format's description, github.com/huggingface/safetensors.
struct SafetensorsHeader: Sendable {
  /// In the order of their bytes.
  private(set) var entries: [SafetensorsEntry] = []
  private(set) var metadata: [String: String] = [:]
  /// Where the tensors' bytes begin in the file.
  let dataOffset: Int

  /// The longest header that the format's own library reads.
  static let longest = 100_000_000
  static let metadataKey = "__metadata__"

  init(_ file: UnsafeRawBufferPointer) throws {
    guard let length = file.littleEndian(at: 0, as: UInt64.self), length <= UInt64(Self.longest),
      let json = file.slice(at: 8, count: Int(length))
    else {
      throw WeighbridgeError(
        .malformed, "the header's length reaches beyond the file or is not plausible",
        remedy: "Save or download the file again")
    }
    dataOffset = 8 + json.count
    var reader = try JSONReader(json)
    var (entries, metadata) = ([SafetensorsEntry](), [String: String]())
    try reader.object { key, reader in
      if key == Self.metadataKey {
        try reader.object { name, reader in
          guard reader.isAtString() else {
            throw reader.failure("the metadata '\(name.prefix(64))' is no text")
          }
          metadata[name] = try reader.string()
        }
      } else {
        do {
          entries.append(try Self.entry(key, &reader))
        } catch let error as WeighbridgeError {
          throw error.located(entry: key)
        }
      }
    }
    try reader.end()
    self.metadata = metadata
    self.entries = try Self.checked(entries, dataOffset: dataOffset, fileByteCount: file.count)
  }

  /// `{"dtype": …, "shape": […], "data_offsets": [begin, end]}`, each once, nothing else.
  private static func entry(_ name: String, _ reader: inout JSONReader) throws -> SafetensorsEntry {
    var (code, shape, offsets): (String?, [Int]?, [Int]?)
    try reader.object { key, reader in
      switch key {
      case "dtype": code = try reader.string()
      case "shape": shape = try integers(&reader)
      case "data_offsets": offsets = try integers(&reader)
      default: throw reader.failure("there is no key '\(key.prefix(64))'")
      }
    }
    guard let code, let shape, let offsets else {
      throw reader.failure("dtype, shape or data_offsets is missing")
    }
    guard let dtype = DType(safetensors: code) else {
      let isKnown = ["F8_", "F6_", "F4", "C64"].contains { code.hasPrefix($0) }
      throw WeighbridgeError(
        isKnown ? .unsupported : .malformed,
        isKnown
          ? "tensors of dtype \(code) are not read" : "there is no dtype '\(code.prefix(32))'",
        remedy: isKnown ? "Save them as F32, F16 or BF16" : nil)
    }
    guard offsets.count == 2, offsets[0] >= 0 else {
      throw WeighbridgeError(.malformed, "its data_offsets are not two offsets: \(offsets)")
    }
    guard offsets[0] <= offsets[1] else {
      throw WeighbridgeError(.malformed, "its bytes run backward: \(offsets)")
    }
    let extents = try Shape.validated(shape, dtype: dtype)
    let byteCount = extents.elementCount * dtype.byteCount
    guard offsets[1] - offsets[0] == byteCount else {
      throw WeighbridgeError(
        .malformed,
        "the shape \(extents) of \(dtype) needs \(byteCount) bytes, "
          + "its offsets give \(offsets[1] - offsets[0])")
    }
    return SafetensorsEntry(name: name, dtype: dtype, shape: extents, byteOffset: offsets[0])
  }

  private static func integers(_ reader: inout JSONReader) throws -> [Int] {
    var values: [Int] = []
    try reader.array { reader in
      guard values.count < 64 else { throw reader.failure("more than 64 numbers in a row") }
      values.append(try reader.integer())
    }
    return values
  }

  /// The entries in the order of their bytes, with offsets from the file's start, if those fill the
  /// file.
  private static func checked(
    _ entries: [SafetensorsEntry], dataOffset: Int, fileByteCount: Int
  ) throws -> [SafetensorsEntry] {
    var end = 0
    // Of two that begin at one place the empty one comes first.
    let sorted = entries.sorted { ($0.byteOffset, $0.byteCount) < ($1.byteOffset, $1.byteCount) }
    let placed = try sorted.map { entry in
      guard entry.byteOffset >= end else {
        throw WeighbridgeError(
          .malformed, "its bytes overlap those of another tensor", entry: entry.name)
      }
      guard entry.byteOffset == end else {
        throw WeighbridgeError(
          .malformed, "there is a hole of \(entry.byteOffset - end) bytes before it",
          entry: entry.name)
      }
      end = entry.byteOffset + entry.byteCount
      guard end <= fileByteCount - dataOffset else {
        throw WeighbridgeError(
          .malformed, "its bytes lie beyond the file's end", entry: entry.name,
          remedy: "Save or download the file again")
      }
      var entry = entry
      entry.byteOffset += dataOffset
      return entry
    }
    guard end == fileByteCount - dataOffset else {
      throw WeighbridgeError(
        .malformed, "the last \(fileByteCount - dataOffset - end) bytes belong to no tensor")
    }
    return placed
  }
}

/// A tensor of a safetensors file.
public struct SafetensorsEntry: Sendable, Hashable {
  public let name: String
  public let dtype: DType
  public let shape: Shape
  /// Where its bytes begin in the file.
  public internal(set) var byteOffset: Int
  /// The size of its elements in bytes.
  public var byteCount: Int { shape.elementCount * dtype.byteCount }
}

extension DType {
  private static let safetensorsCodes: [(DType, String)] = [
    (.float8E4M3, "F8_E4M3"), (.float8E5M2, "F8_E5M2"), (.float16, "F16"), (.bfloat16, "BF16"), (.float32, "F32"), (.float64, "F64"), (.int8, "I8"),
    (.int16, "I16"), (.int32, "I32"), (.int64, "I64"), (.uint8, "U8"), (.uint16, "U16"),
    (.uint32, "U32"), (.uint64, "U64"), (.bool, "BOOL"),
  ]

  init?(safetensors code: String) {
    guard let found = DType.safetensorsCodes.first(where: { $0.1 == code }) else { return nil }
    self = found.0
  }

  var safetensorsCode: String {
    DType.safetensorsCodes.first { $0.0 == self }?.1 ?? rawValue
  }
}
