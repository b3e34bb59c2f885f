import WeighbridgeWeights

/// A zip archive of stored entries, written from its beginning to its end.
struct ZipOutput {
  let file: OutputFile
  private var directory: [ZipRecord] = []

  init(_ file: OutputFile) { self.file = file }

  /// Appends an entry whose content is `header` and then `content`.
  mutating func write(
    _ name: String, header: [UInt8], _ content: UnsafeRawBufferPointer
  ) throws {
    let crc = header.withUnsafeBytes { CRC32.checksum(content, after: $0) }
    let record = try ZipRecord(
      name: name, crc: crc, byteCount: header.count + content.count, offset: file.position)
    directory.append(record)
    try file.append(record.local)
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
