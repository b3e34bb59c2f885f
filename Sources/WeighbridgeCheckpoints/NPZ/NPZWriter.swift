import WeighbridgeTensors
import WeighbridgeWeights

/// Writes a `.npz` file: stored entries whose elements begin at multiples of 64 bytes, by padding in
/// the extra field of each entry's header, so that they can be used in place.
final class NPZWriter: CheckpointWriter {
  let path: String
  private var plan: WritePlan
  private let file: OutputFile
  private var directory: [ZipRecord] = []

  init(_ path: String, tensors: [TensorDescription], metadata: [String: String]) throws {
    self.path = path
    plan = try WritePlan(tensors, path: path)
    for tensor in tensors {
      _ = try WeighbridgeError.locating(file: path, entry: tensor.name) {
        try NPYEncoder.header(tensor.dtype, tensor.shape)
      }
      guard metadata[tensor.name] == nil else {
        throw WeighbridgeError(
          .usage, "a tensor and a text have this name", file: path, entry: tensor.name)
      }
    }
    file = try OutputFile(path: path)
    try guarded(entry: nil) {
      for (name, text) in metadata.sorted(by: { $0.key < $1.key }) {
        try NPYEncoder.array(text: text).withUnsafeBytes { try write(name, [], $0) }
      }
    }
  }

  func add(_ name: String, _ tensor: Tensor) throws {
    _ = try plan.take(name, tensor)
    try guarded(entry: name) {
      let header = try NPYEncoder.header(tensor.dtype, tensor.shape)
      try tensor.withUnsafeBytes { try write(name, header, $0) }
    }
  }

  func finish() throws {
    try guarded(entry: nil) {
      try plan.checkComplete()
      let start = file.position
      for record in directory { try file.append(record.central) }
      try file.append(ZipRecord.end(directory.count, from: start, to: file.position))
      try file.commit()
    }
  }

  func cancel() { file.discard() }

  /// Runs `body`; removes the file when it fails.
  private func guarded(entry: String?, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as WeighbridgeError {
      cancel()
      throw error.located(file: path, entry: entry)
    }
  }

  private func write(_ name: String, _ header: [UInt8], _ content: UnsafeRawBufferPointer) throws {
    let crc = header.withUnsafeBytes { CRC32.checksum(content, after: $0) }
    let record = try ZipRecord(
      name: name + ".npy", crc: crc, byteCount: header.count + content.count, offset: file.position)
    directory.append(record)
    try file.append(record.local)
    try file.append(header)
    try file.append(content)
  }
}

/// The two headers of a stored zip entry, in 64 bits where sizes need it.
struct ZipRecord {
  private let name: [UInt8]
  private let crc: UInt32
  private let byteCount: Int
  private let offset: Int

  /// The largest value of a 32-bit field; itself the mark for "see the 64-bit field".
  private static let narrow = 0xffff_ffff
  /// An extra field without meaning, which other zip tools write for alignment too.
  private static let padding: UInt16 = 0xd935

  /// - Throws: `unsupported` for a name longer than zip holds.
  init(name: String, crc: UInt32, byteCount: Int, offset: Int) throws {
    self.name = Array(name.utf8)
    guard self.name.count <= 0xffff else {
      throw WeighbridgeError(.unsupported, "the name is too long for a zip archive")
    }
    (self.crc, self.byteCount, self.offset) = (crc, byteCount, offset)
  }

  private var isWide: Bool { byteCount >= ZipRecord.narrow }

  /// The fields that both headers share, from the version that is needed to the length of the name.
  private func common() -> ByteWriter {
    var bytes = ByteWriter()
    bytes.u16(isWide || offset >= ZipRecord.narrow ? 45 : 20)
    bytes.u16(0x0800)  // the name is UTF-8
    bytes.u16(0)  // stored
    bytes.u16(0)
    bytes.u16(0x0021)  // 1980-01-01: files that are equal have equal bytes
    bytes.u32(crc)
    bytes.u32(UInt32(min(byteCount, ZipRecord.narrow)))
    bytes.u32(UInt32(min(byteCount, ZipRecord.narrow)))
    bytes.u16(UInt16(name.count))
    return bytes
  }

  /// The header before the content, padded so that the content begins at a multiple of 64.
  var local: [UInt8] {
    var extra = ByteWriter()
    if isWide {
      extra.u16(1)
      extra.u16(16)
      extra.u64(UInt64(byteCount))
      extra.u64(UInt64(byteCount))
    }
    let end = offset + 30 + name.count + extra.bytes.count
    if end % 64 != 0 {
      let fill = (64 - (end + 4) % 64) % 64
      extra.u16(ZipRecord.padding)
      extra.u16(UInt16(fill))
      extra.bytes += [UInt8](repeating: 0, count: fill)
    }
    var bytes = ByteWriter()
    bytes.u32(0x0403_4b50)
    bytes.bytes += common().bytes
    bytes.u16(UInt16(extra.bytes.count))
    return bytes.bytes + name + extra.bytes
  }

  /// The entry's record in the directory.
  var central: [UInt8] {
    var extra = ByteWriter()
    if isWide || offset >= ZipRecord.narrow {
      extra.u16(1)
      extra.u16((isWide ? 16 : 0) + (offset >= ZipRecord.narrow ? 8 : 0))
      if isWide {
        extra.u64(UInt64(byteCount))
        extra.u64(UInt64(byteCount))
      }
      if offset >= ZipRecord.narrow { extra.u64(UInt64(offset)) }
    }
    var bytes = ByteWriter()
    bytes.u32(0x0201_4b50)
    bytes.u16(45)
    bytes.bytes += common().bytes
    bytes.u16(UInt16(extra.bytes.count))
    bytes.u16(0)  // no comment
    bytes.u16(0)  // the first disk
    bytes.u16(0)
    bytes.u32(0)
    bytes.u32(UInt32(min(offset, ZipRecord.narrow)))
    return bytes.bytes + name + extra.bytes
  }

  /// The records after the directory.
  static func end(_ count: Int, from start: Int, to end: Int) -> [UInt8] {
    var bytes = ByteWriter()
    if count >= 0xffff || end >= narrow {
      bytes.u32(0x0606_4b50)
      bytes.u64(44)
      bytes.u16(45)
      bytes.u16(45)
      bytes.u32(0)
      bytes.u32(0)
      bytes.u64(UInt64(count))
      bytes.u64(UInt64(count))
      bytes.u64(UInt64(end - start))
      bytes.u64(UInt64(start))
      bytes.u32(0x0706_4b50)
      bytes.u32(0)
      bytes.u64(UInt64(end))
      bytes.u32(1)
    }
    bytes.u32(0x0605_4b50)
    bytes.u32(0)
    bytes.u16(UInt16(min(count, 0xffff)))
    bytes.u16(UInt16(min(count, 0xffff)))
    bytes.u32(UInt32(min(end - start, narrow)))
    bytes.u32(UInt32(min(start, narrow)))
    bytes.u16(0)
    return bytes.bytes
  }
}

/// Little-endian integers, one after another.
private struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func u16(_ value: UInt16) { add(value.littleEndian) }
  mutating func u32(_ value: UInt32) { add(value.littleEndian) }
  mutating func u64(_ value: UInt64) { add(value.littleEndian) }

  private mutating func add(_ value: some BitwiseCopyable) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
}
