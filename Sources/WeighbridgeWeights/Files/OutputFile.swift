import CFaults
import WeighbridgeTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// It is written under a temporary name beside its destination, flushed to the disk, and renamed.
/// Unless `commit()` succeeds, the temporary file is removed and the destination is as it was. A
/// process that is killed leaves its temporary file; the next one that writes into the folder removes
/// it. A file that is replaced keeps its permissions.
package final class OutputFile: @unchecked Sendable {
  package let path: String
  package let temporaryPath: String
  private let destination: String
  private var descriptor: Int32
  /// Where a signal handler finds the temporary file; `nil` when it is no longer there.
  private var noted: OpaquePointer?
  /// Looks at the complete file, by its temporary path, before it gets its name.
  package var willCommit: ((_ temporaryPath: String) throws -> Void)?
  /// Where `append` writes next.
  package private(set) var position = 0

  /// Creates the temporary file.
  ///
  /// - Throws: `unwritable` when the destination is no regular file, is write-protected, or its
  ///   directory is missing or not writable.
  package init(path: String) throws {
    self.path = path
    let mode: mode_t?
    (destination, mode) = try OutputFile.destination(path)
    let folder = TemporaryFolder(of: destination)
    guard !folder.isDestinationEmpty else { throw SystemCall.writeError(path, EISDIR) }
    folder.removeDead()
    // A file that is made is noted before anybody looks for those to remove.
    guard wb_temporary_begin() != 0 else { throw SystemCall.writeError(path, EINTR) }
    defer { wb_temporary_end() }
    (descriptor, temporaryPath) = try folder.create(for: path, mode: mode)
    noted = wb_temporary_insert(temporaryPath)
  }

  deinit {
    discard()
  }

  /// The path itself, or what it links to, if that can be replaced, and the permissions of what is there.
  private static func destination(_ path: String) throws -> (String, mode_t?) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT else { throw SystemCall.writeError(path, errno) }
      return (path, nil)
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
    let mode = status.st_mode & 0o777
    guard let resolved = realpath(path, nil) else { return (path, mode) }
    defer { free(resolved) }
    return (String(cString: resolved), mode)
  }

  /// Writes bytes at a position, and leaves `position` behind them.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var written = 0
    while written < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + written },
        min(bytes.count - written, 1 << 30), off_t(offset + written))
      if count < 0, errno == EINTR { continue }
      // The bytes may be those of a mapped file that is no longer as long.
      guard count >= 0 || errno != EFAULT else { throw MappedFile.cutShort(path: nil) }
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
  ///
  /// - Throws: `unwritable`, and what `willCommit` throws.
  package func commit() throws {
    guard descriptor >= 0 else { return }
    guard fsync(descriptor) == 0 else { throw failAndDiscard(errno) }
    do {
      try willCommit?(temporaryPath)
    } catch {
      discard()
      throw error
    }
    // Renamed before it is closed: closed, it would be nobody's, and another process might remove it.
    guard rename(temporaryPath, destination) == 0 else { throw failAndDiscard(errno) }
    close(descriptor)
    descriptor = -1
    forget()
    OutputFile.flushDirectory(of: destination)
  }

  private func failAndDiscard(_ code: Int32) -> WeighbridgeError {
    discard()
    return SystemCall.writeError(path, code)
  }

  /// Removes the temporary file, unless `commit()` has renamed it.
  package func discard() {
    guard descriptor >= 0 else { return }
    unlink(temporaryPath)
    close(descriptor)
    descriptor = -1
    forget()
  }

  private func forget() {
    wb_temporary_remove(noted)
    noted = nil
  }

  /// Makes the rename itself last; a directory that cannot be flushed is no failure.
  private static func flushDirectory(of path: String) {
    let directory = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
    let descriptor = open(directory, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
