import WeighbridgeTensors

/// The header of a GGUF file: keys and values, then the tensors' names, extents, types and places.
///
/// Source: the format's description, github.com/ggml-org/ggml/blob/master/docs/gguf.md. Extents are
/// written from the innermost axis outward, the reverse of PyTorch's.
struct GGUFListing {
  private(set) var entries: [CheckpointEntry] = []
  /// Per entry: where its elements begin in the file.
  private(set) var offsets: [Int] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]
  private(set) var isBigEndian = false
  /// Elements begin at multiples of this, from the end of the header on.
  private var alignment = 32
  private var file: GGUFCursor

  static let magic = Array("GGUF".utf8)
  private static let deepest = 4
  private static let longestText = 64 << 10
  private static let metadataLimit = 4096

  /// - Throws: `malformed` when the header is cut off or promises what the file cannot hold,
  ///   `unsupported` for a version that is not known. What is wrong with a tensor is its reason.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    file = GGUFCursor(bytes, at: GGUFListing.magic.count)
    var version = try file.number(UInt32.self)
    if version & 0xffff == 0, version != 0 {
      (file.isBigEndian, version) = (true, version.byteSwapped)
    }
    isBigEndian = file.isBigEndian
    guard (1...3).contains(version) else {
      throw WeighbridgeError(
        .unsupported, "is GGUF of version \(version), which is not known",
        remedy: "Versions 1 to 3 are read")
    }
    file.isNarrow = version == 1
    let tensorCount = try file.count(of: "tensors", size: file.isNarrow ? 20 : 24)
    let valueCount = try file.count(of: "values", size: file.isNarrow ? 9 : 13)
    for _ in 0..<valueCount { try readValue() }
    try readTensors(tensorCount)
  }

  // MARK: Keys and values

  private mutating func readValue() throws {
    let key = try file.text()
    let text = try value(type: file.number(UInt32.self), depth: 0)
    guard let key, let text else { return }
    if key == "general.alignment" {
      guard let value = Int(text), value > 0, value <= 1 << 20, value & (value - 1) == 0 else {
        throw GGUFCursor.damaged("its alignment is \(text.shortened(to: 32))")
      }
      alignment = value
    }
    guard metadata.count < GGUFListing.metadataLimit else { return }
    metadata[key] = text
  }

  /// Passes over a value.
  ///
  /// - Returns: A number or text, written out; `nil` for an array, and for what is too long.
  private mutating func value(type: UInt32, depth: Int) throws -> String? {
    switch type {
    case 0: return String(try file.number(UInt8.self))
    case 1: return String(try file.number(Int8.self))
    case 2: return String(try file.number(UInt16.self))
    case 3: return String(try file.number(Int16.self))
    case 4: return String(try file.number(UInt32.self))
    case 5: return String(try file.number(Int32.self))
    case 6: return "\(Float(bitPattern: try file.number(UInt32.self)))"
    case 7: return try file.number(UInt8.self) == 0 ? "false" : "true"
    case 8:
      let text = try file.text()
      return text.flatMap { $0.utf8.count <= GGUFListing.longestText ? $0 : nil }
    case 9:
      try skipArray(depth)
      return nil
    case 10: return String(try file.number(UInt64.self))
    case 11: return String(try file.number(Int64.self))
    case 12: return "\(Double(bitPattern: try file.number(UInt64.self)))"
    default: throw GGUFCursor.damaged("a value is of type \(type), which there is not")
    }
  }

  private mutating func skipArray(_ depth: Int) throws {
    guard depth < GGUFListing.deepest else { throw GGUFCursor.damaged("its arrays are too deep") }
    let type = try file.number(UInt32.self)
    switch type {
    case 0...7, 10...12:
      let size = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][Int(type)]
      try file.skip(file.count(of: "elements", size: size), of: size)
    case 8, 9:
      // Each takes at least the bytes that say how long it is, so that the loop ends.
      let count = try file.count(of: "elements", size: file.isNarrow ? 4 : 8)
      for _ in 0..<count { _ = try value(type: type, depth: depth + 1) }
    default: throw GGUFCursor.damaged("an array is of type \(type), which there is not")
    }
  }

  // MARK: Tensors

  private struct Info {
    let name: String
    let extents: [UInt64]
    let type: UInt32
    let offset: UInt64
  }

  private mutating func readTensors(_ count: Int) throws {
    var infos: [Info] = []
    infos.reserveCapacity(count)
    for _ in 0..<count {
      let name = try file.text()
      let rank = try file.number(UInt32.self)
      guard rank <= 64 else { throw GGUFCursor.damaged("a tensor has \(rank) axes") }
      let extents = try (0..<rank).map { _ in try file.number(UInt64.self) }
      let (type, offset) = (try file.number(UInt32.self), try file.number(UInt64.self))
      infos.append(
        Info(name: name ?? "(no UTF-8)", extents: extents.reversed(), type: type, offset: offset))
    }
    let start = (file.position + alignment - 1) / alignment * alignment
    for info in infos {
      do {
        let (entry, offset) = try entry(info, from: start)
        entries.append(entry)
        offsets.append(offset)
      } catch let error as WeighbridgeError {
        let reason = SkipReason(error, unsupported: .dtype)
        skipped.append(SkippedEntry(name: info.name, reason: reason))
      }
    }
  }

  private func entry(_ info: Info, from start: Int) throws -> (CheckpointEntry, Int) {
    guard let dtype = GGUFType.dtype(info.type) else {
      let type = GGUFType.quantised[info.type].map { "quantised as \($0)" }
      throw WeighbridgeError(
        .unsupported, "is \(type ?? "of the unknown type \(info.type)"), which is not read",
        remedy: "Take the model's unquantised file: F32, F16 or BF16")
    }
    let extents = info.extents.compactMap { Int(exactly: $0) }
    guard extents.count == info.extents.count else {
      throw WeighbridgeError(.malformed, "its shape is larger than any memory")
    }
    let shape = try Shape.validated(extents, dtype: dtype)
    let byteCount = shape.elementCount * dtype.byteCount
    guard let relative = Int(exactly: info.offset),
      case let (offset, overflow) = relative.addingReportingOverflow(start), !overflow,
      offset <= file.bytes.count, byteCount <= file.bytes.count - offset
    else {
      throw WeighbridgeError(
        .malformed, "its \(byteCount) bytes lie beyond the file's end",
        remedy: "Save or download the file again")
    }
    let isSwapped = isBigEndian && dtype.byteCount > 1
    let entry = CheckpointEntry(
      name: info.name, dtype: dtype, shape: shape,
      storage: isSwapped ? .copied("big-endian") : .inPlace)
    return (entry, offset)
  }
}

/// The element types of GGUF by number.
enum GGUFType {
  static func dtype(_ number: UInt32) -> DType? {
    switch number {
    case 0: .float32
    case 1: .float16
    case 24: .int8
    case 25: .int16
    case 26: .int32
    case 27: .int64
    case 28: .float64
    case 30: .bfloat16
    default: nil
    }
  }

  static let quantised: [UInt32: String] = [
    2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
    19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
  ]
}
