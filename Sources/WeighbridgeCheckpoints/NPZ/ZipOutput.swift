import WeighbridgeTensors
import WeighbridgeWeights

/// A zip archive of stored entries, written from its beginning to its end.
struct ZipOutput {
  let file: OutputFile
  private var directory: [ZipRecord] = []

  /// How many bytes are copied to save a call.
  private static let joinedAtMost = 1 << 16
  /// How much of the directory is written at a time.
  private static let partSize = 1 << 18

  init(_ file: OutputFile) { self.file = file }

  /// Appends an entry of these bytes.
  mutating func write(_ name: String, _ content: [UInt8]) throws {
    let crc = content.withUnsafeBytes { CRC32.checksum($0) }
    try begin(name, crc, byteCount: content.count, with: content)
  }

  /// Appends an entry whose content is `header` and then a tensor's elements.
  ///
  /// - Parameter level: Compresses it where that makes it smaller, from 1, the fastest, to 9.
  mutating func write(
    _ name: String, header: [UInt8] = [], _ tensor: Tensor, level: Int? = nil
  ) throws {
    let packed = try tensor.contiguous()
    let (crc, deflated) = try packed.withUnsafeBytes { content in
      try (
        header.withUnsafeBytes { CRC32.checksum(content, after: $0) },
        level.flatMap { try Deflate.run(header, content, level: $0) }
      )
    }
    try begin(
      name, crc, byteCount: header.count + packed.byteCount, deflatedByteCount: deflated?.count,
      with: deflated ?? header)
    if deflated == nil { try file.append(packed) }
  }

  /// Appends what leads an entry, and the first of its bytes: few of them in one call of the system.
  private mutating func begin(
    _ name: String, _ crc: UInt32, byteCount: Int, deflatedByteCount: Int? = nil,
    with bytes: [UInt8]
  ) throws {
    let record = try ZipRecord(
      name: name, method: deflatedByteCount == nil ? 0 : 8, crc: crc, byteCount: byteCount,
      storedByteCount: deflatedByteCount, offset: file.position)
    directory.append(record)
    guard bytes.count > ZipOutput.joinedAtMost else { return try file.append(record.local + bytes) }
    try file.append(record.local)
    try file.append(bytes)
  }

  /// Writes the directory and gives the file its name.
  func finish() throws {
    let start = file.position
    var bytes: [UInt8] = []
    for record in directory {
      bytes += record.central
      guard bytes.count >= ZipOutput.partSize else { continue }
      try file.append(bytes)
      bytes.removeAll(keepingCapacity: true)
    }
    try file.append(bytes)
    try file.append(ZipRecord.end(directory.count, from: start, to: file.position))
    try file.commit()
  }
}
