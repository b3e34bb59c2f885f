import WeighbridgeWeights

/// A zip archive of stored entries, written from its beginning to its end.
struct ZipOutput {
  let file: OutputFile
  private var directory: [ZipRecord] = []

  init(_ file: OutputFile) { self.file = file }

  /// Appends an entry whose content is `header` and then `content`.
  ///
  /// - Parameter level: Compresses it where that makes it smaller, from 1, the fastest, to 9.
  mutating func write(
    _ name: String, header: [UInt8], _ content: UnsafeRawBufferPointer, level: Int? = nil
  ) throws {
    let crc = header.withUnsafeBytes { CRC32.checksum(content, after: $0) }
    let deflated = try level.flatMap { try Deflate.run(header, content, level: $0) }
    let record = try ZipRecord(
      name: name, method: deflated == nil ? 0 : 8, crc: crc,
      byteCount: header.count + content.count, storedByteCount: deflated?.count,
      offset: file.position)
    directory.append(record)
    try file.append(record.local)
    if let deflated { return try file.append(deflated) }
    try file.append(header)
    try file.append(content)
  }

  /// Writes the directory and gives the file its name.
  func finish() throws {
    let start = file.position
    for record in directory { try file.append(record.central) }
    try file.append(ZipRecord.end(directory.count, from: start, to: file.position))
    try file.commit()
  }
}
