import WeighbridgeTensors

/// A file that appears under its name only when it is complete.
///
/// It is written under a temporary name beside its destination, flushed to the disk, and renamed.
/// Unless `commit()` succeeds, the temporary file is removed and the destination is as it was.
package final class OutputFile: @unchecked Sendable {
  package let path: String
  package let temporaryPath: String
  private let destination: String
  private var descriptor: Int32
  /// Where `append` writes next.
  package private(set) var position = 0

  /// Creates the temporary file.
  ///
  /// - Throws: `unwritable` when the destination is no regular file, is write-protected, or its
  ///   directory is missing or not writable.
  package init(path: String) throws {
    self.path = path
    destination = try OutputFile.destination(path)
    (descriptor, temporaryPath) = try OutputFile.create(beside: destination, path)
    TemporaryFiles.shared.insert(temporaryPath)
  }

  deinit {
    discard()
  }

  /// The path itself, or what it links to, if that can be replaced.
  private static func destination(_ path: String) throws -> String {
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT else { throw SystemCall.writeError(path, errno) }
      return path
    }
    let kind = status.st_mode & mode_t(S_IFMT)
    guard kind == mode_t(S_IFREG) else {
      throw WeighbridgeError(
        .unwritable,
        kind == mode_t(S_IFDIR)
          ? "cannot be written: it is a directory" : "cannot be written: it is not a regular file",
        file: path, remedy: "Give the path of a file")
    }
    guard access(path, W_OK) == 0 else { throw SystemCall.writeError(path, errno) }
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func create(beside destination: String, _ path: String) throws -> (Int32, String) {
    let slash = destination.lastIndex(of: "/").map { destination.index(after: $0) }
    let directory = slash.map { String(destination[..<$0]) } ?? ""
    let name = slash.map { String(destination[$0...]) } ?? destination
    guard !name.isEmpty else { throw SystemCall.writeError(path, EISDIR) }
    for _ in 0..<16 {
      let random = String(UInt64.random(in: 0 ... .max), radix: 36)
      // A name's bytes are limited, so a long one is not repeated in full.
      let temporary = "\(directory).\(name.prefix(32)).\(random).tmp"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (descriptor, temporary) }
      guard errno == EEXIST else { throw SystemCall.writeError(path, errno) }
    }
    throw SystemCall.writeError(path, EEXIST)
  }

  /// Writes bytes at a position, and leaves `position` behind them.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var written = 0
    while written < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + written },
        min(bytes.count - written, 1 << 30), off_t(offset + written))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SystemCall.writeError(path, count == 0 ? ENOSPC : errno) }
      written += count
    }
    position = offset + bytes.count
  }

  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try write(bytes, at: position)
  }

  package func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append($0) }
  }

  /// Flushes the file to the disk and gives it its name.
  package func commit() throws {
    guard descriptor >= 0 else { return }
    guard fsync(descriptor) == 0 else { throw failAndDiscard(errno) }
    let result = close(descriptor)
    descriptor = -1
    guard result == 0, rename(temporaryPath, destination) == 0 else { throw failAndDiscard(errno) }
    TemporaryFiles.shared.remove(temporaryPath)
    OutputFile.flushDirectory(of: destination)
  }

  private func failAndDiscard(_ code: Int32) -> WeighbridgeError {
    discard()
    return SystemCall.writeError(path, code)
  }

  /// Removes the temporary file, unless `commit()` has renamed it.
  package func discard() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    if TemporaryFiles.shared.remove(temporaryPath) { unlink(temporaryPath) }
  }

  /// Makes the rename itself last; a directory that cannot be flushed is no failure.
  private static func flushDirectory(of path: String) {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    let descriptor = open(directory, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
