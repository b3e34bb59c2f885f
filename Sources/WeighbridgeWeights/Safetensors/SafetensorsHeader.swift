import WeighbridgeTensors

/// The header of a safetensors file: eight bytes with its length, then JSON with a dtype, a shape and
/// a byte range per tensor. The ranges must fill the rest of the file, without holes or overlaps.
///
/// A tensor that is wrong by itself is skipped, with the reason, and the others are usable.
///
/// Source: the format's description, github.com/huggingface/safetensors.
struct SafetensorsHeader: Sendable {
  /// In the order of their bytes.
  private(set) var entries: [SafetensorsEntry] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]
  /// Where the tensors' bytes begin in the file.
  let dataOffset: Int

  /// The longest header that the format's own library reads.
  static let longest = 100_000_000
  static let metadataKey = "__metadata__"

  /// What files begin that are taken for others.
  private static let signatures: [(bytes: [UInt8], name: String)] = [
    (Array("PK\u{3}\u{4}".utf8), "a zip archive, such as .pth, .npz or .keras,"),
    ([0x89] + Array("HDF".utf8), "an HDF5 file"), ([0x80, 0x02], "a pickle, such as an old .pth,"),
    (Array("GGUF".utf8), "a GGUF file"),
  ]

  private static func otherKind(_ file: UnsafeRawBufferPointer) -> String? {
    signatures.first { file.starts(with: $0.bytes) }?.name
  }

  init(_ file: UnsafeRawBufferPointer) throws {
    guard let length = file.littleEndian(at: 0, as: UInt64.self), length <= UInt64(Self.longest),
      let json = file.slice(at: 8, count: Int(length))
    else {
      throw WeighbridgeError(
        .malformed,
        Self.otherKind(file).map { "this is no safetensors file: it begins as \($0) does" }
          ?? "the header's length reaches beyond the file or is not plausible",
        remedy: "Save or download the file again")
    }
    dataOffset = 8 + json.count
    let content: Content
    do {
      content = try Content(json)
    } catch is MisplacedMetadata {
      throw WeighbridgeError(
        .malformed,
        "a native weight file's metadata stands under another key than "
          + Self.metadataKey, remedy: "Convert the source again")
    }
    metadata = content.metadata
    var layout = SafetensorsLayout(
      found: content.found, skipped: content.skipped, dataOffset: dataOffset,
      byteCount: file.count - dataOffset)
    try layout.check()
    (entries, skipped) = (layout.entries, layout.skipped)
  }

  /// What a native weight file says about itself, under the name of a tensor.
  private struct MisplacedMetadata: Error {}

  /// What the JSON says.
  private struct Content {
    var found: [SafetensorsEntry] = []
    var skipped: [SkippedEntry] = []
    var metadata: [String: String] = [:]

    init(_ json: UnsafeRawBufferPointer) throws {
      var reader = try JSONReader(json)
      var hasMetadata = false
      // A name that stands twice is that tensor's matter.
      try reader.object(repeats: true) { key, reader in
        if ExactText(key) == ExactText(metadataKey) {
          guard !hasMetadata else { throw reader.failure("the key '\(key)' stands twice") }
          hasMetadata = true
          try readMetadata(&reader)
        } else {
          try readEntry(key, &reader)
        }
      }
      try reader.end()
    }

    private mutating func readMetadata(_ reader: inout JSONReader) throws {
      if reader.takeWord("null") { return }
      try reader.object { name, reader in
        guard reader.isAtString() else {
          throw reader.failure("the metadata '\(name.shortened(to: 64))' is no text")
        }
        metadata[name] = try reader.string()
      }
    }

    private mutating func readEntry(_ name: String, _ reader: inout JSONReader) throws {
      let start = reader
      do {
        found.append(try SafetensorsHeader.entry(name, &reader))
      } catch let error as WeighbridgeError {
        // What is no JSON makes this throw, too.
        reader = start
        try reader.skipValue()
        skipped.append(SkippedEntry(name: name, reason: SkipReason(error, unsupported: .dtype)))
      }
    }
  }

  /// `{"dtype": …, "shape": […], "data_offsets": [begin, end]}`, each once; further keys are passed
  /// over, as the format's own library does.
  private static func entry(_ name: String, _ reader: inout JSONReader) throws -> SafetensorsEntry {
    var (code, shape, offsets): (String?, [Int]?, [Int]?)
    try reader.object { key, reader in
      switch key {
      case "dtype": code = try reader.string()
      case "shape": shape = try integers(&reader)
      case "data_offsets": offsets = try integers(&reader)
      case _ where NativeManifest.isReserved(key): throw MisplacedMetadata()
      default: try reader.skipValue()
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
          ? "tensors of dtype \(code) are not read"
          : "there is no dtype '\(code.shortened(to: 32))'",
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
}

/// A tensor of a safetensors file.
public struct SafetensorsEntry: Sendable, Hashable {
  /// The name in the file's header.
  public let name: String
  /// The elements' dtype, from the header's code such as `F32`.
  public let dtype: DType
  /// The extents, outermost axis first.
  public let shape: Shape
  /// Where its bytes begin in the file.
  public internal(set) var byteOffset: Int
  /// The size of its elements in bytes.
  public var byteCount: Int { shape.elementCount * dtype.byteCount }
}

extension DType {
  private static let safetensorsCodes: [(DType, String)] = [
    (.float8E4M3, "F8_E4M3"), (.float8E5M2, "F8_E5M2"), (.float16, "F16"), (.bfloat16, "BF16"),
    (.float32, "F32"), (.float64, "F64"), (.int8, "I8"),
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
