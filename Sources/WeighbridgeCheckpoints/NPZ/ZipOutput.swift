import WeighbridgeTensors
import WeighbridgeWeights

/// A zip archive of stored entries, written from its beginning to its end.
struct ZipOutput {
  let file: OutputFile
  private var directory: [ZipRecord] = []

  init(_ file: OutputFile) { self.file = file }

  /// Appends an entry of these bytes.
  mutating func write(_ name: String, _ content: [UInt8]) throws {
    let crc = content.withUnsafeBytes { CRC32.checksum($0) }
    try begin(name, crc, byteCount: content.count)
    try file.append(content)
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
      name, crc, byteCount: header.count + packed.byteCount, deflatedByteCount: deflated?.count)
    if let deflated { return try file.append(deflated) }
    try file.append(header)
    try file.append(packed)
  }

  private mutating func begin(
    _ name: String, _ crc: UInt32, byteCount: Int, deflatedByteCount: Int? = nil
  ) throws {
    let record = try ZipRecord(
      name: name, method: deflatedByteCount == nil ? 0 : 8, crc: crc, byteCount: byteCount,
      storedByteCount: deflatedByteCount, offset: file.position)
    directory.append(record)
    try file.append(record.local)
  }

  /// Writes the directory and gives the file its name.
  func finish() throws {
    let start = file.position
    for record in directory { try file.append(record.central) }
    try file.append(ZipRecord.end(directory.count, from: start, to: file.position))
    try file.commit()
  }
}
