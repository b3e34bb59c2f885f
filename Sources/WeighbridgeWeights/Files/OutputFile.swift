import CFaults
import CFiles
import Synchronization
import WeighbridgeParallel
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
  /// Writes a tensor while the caller goes on.
  private var writing: BackgroundCall?
  /// Sends what was written to the disk while more is written.
  private var flushing: BackgroundCall?
  /// Up to where that has been asked for.
  private var flushed = 0

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
      return (try linked(path), nil)
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

  /// Where a file appears that is written to a path at which there is none: at the end of links that lead
  /// nowhere yet, as with everything that opens a file to write it.
  ///
  /// - Throws: `unwritable` where a link leads into a folder that there is not.
  package static func linked(_ path: String) throws -> String {
    var place = path
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = readlink(place, &buffer, buffer.count)
      guard count > 0 else {
        guard place == path || access(folder(of: place), F_OK) == 0 else {
          throw WeighbridgeError(
            .unwritable,
            "cannot be written: it is a link to \(place), whose directory does not exist",
            file: path, remedy: "Remove the link, or make the directory")
        }
        return place
      }
      let target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      place = target.hasPrefix("/") ? target : folder(of: place) + target
    }
    throw SystemCall.writeError(path, ELOOP)
  }

  /// What stands before a file's name, `./` where nothing does.
  private static func folder(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "./"
  }

  /// How much is handed to the system at a time: 346 MB of a mapped file took 1,070 ms in parts of 8 MB,
  /// for which Linux (ext4) makes large pages, and 100 ms in parts of this size.
  private static let pieceSize = 256 << 10
  /// How much of a tensor is worth a thread of its own.
  private static let writtenMeanwhile = 1 << 20
  /// How much is worth a thread that flushes it in advance.
  private static let flushedAtOnce = 32 << 20

  /// Writes bytes at a position, and leaves `position` behind them.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    try check(OutputFile.write(bytes, at: offset, to: descriptor))
    position = offset + bytes.count
    try flushInAdvance()
  }

  /// Writes a tensor's elements at a position, packed and in row-major order, and leaves `position`
  /// behind them. Those of a mapped file, which take no memory while they wait, may be written while the
  /// caller goes on; a failure then shows in one of the next calls.
  package func write(_ tensor: Tensor, at offset: Int) throws {
    let packed = try tensor.contiguous()
    guard packed.isBorrowed, packed.byteCount >= OutputFile.writtenMeanwhile else {
      return try packed.withUnsafeBytes { try write($0, at: offset) }
    }
    try finishWriting()
    writing = BackgroundCall { [descriptor] in
      let code = try? packed.withUnsafeBytes { bytes in
        Parallel.occupying { OutputFile.write(bytes, at: offset, to: descriptor) }
      }
      return code ?? EINVAL
    }
    position = offset + packed.byteCount
    try flushInAdvance()
  }

  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try write(bytes, at: position)
  }

  package func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append($0) }
  }

  package func append(_ tensor: Tensor) throws {
    try write(tensor, at: position)
  }

  /// Writes all of the bytes; 0, or the system's number of what failed.
  private static func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, to descriptor: Int32
  ) -> Int32 {
    var written = 0
    while written < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress.map { $0 + written },
        min(bytes.count - written, OutputFile.pieceSize), off_t(offset + written))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? ENOSPC : errno }
      written += count
    }
    return 0
  }

  private func check(_ code: Int32) throws {
    // The bytes may be those of a mapped file that is no longer as long.
    guard code != EFAULT else { throw MappedFile.cutShort(path: nil) }
    guard code == 0 else { throw SystemCall.writeError(path, code) }
  }

  private func finishWriting() throws {
    let code = writing?.wait() ?? 0
    writing = nil
    try check(code)
  }

  /// Has the disk begin with what was written, so that the flush at the end, which must wait for all of
  /// it, finds most of it done. An `fsync` at a time instead would hold the writing up.
  private func flushInAdvance() throws {
    guard position - flushed >= OutputFile.flushedAtOnce, flushing?.isDone != false else { return }
    try finishFlushing()
    let part = (offset: Int64(flushed), count: Int64(position - flushed))
    flushing = BackgroundCall { [descriptor] in
      wb_begin_writing(descriptor, part.offset, part.count)
    }
    flushed = position
  }

  /// Waits for the disk. The system tells of a failure once, so it is looked at here, too.
  private func finishFlushing() throws {
    let code = flushing?.wait() ?? 0
    flushing = nil
    try check(code)
  }

  /// Flushes the file to the disk, has it looked at meanwhile, and gives it its name.
  ///
  /// - Throws: `unwritable`, and what `willCommit` throws.
  package func commit() throws {
    guard descriptor >= 0 else { return }
    do {
      try finishWriting()
      try finishFlushing()
      flushing = BackgroundCall { [descriptor] in fsync(descriptor) == 0 ? 0 : errno }
      let forgetting = startForgettingOld()
      defer { _ = forgetting?.wait() }
      try willCommit?(temporaryPath)
      try finishFlushing()
    } catch {
      discard()
      throw error
    }
    if let group = OutputFile.group {
      group.hold(self)
      return
    }
    try takeName()
  }

  /// Has the system forget the contents of the file that will be replaced: 100 ms for 340 MB, which the
  /// rename would take where nothing else goes on.
  private func startForgettingOld() -> BackgroundCall? {
    let old = open(destination, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard old >= 0 else { return nil }
    return BackgroundCall {
      wb_forget_cached(old)
      close(old)
      return 0
    }
  }

  /// Runs `body`; the files that it commits get their names together when it returns, and none of them
  /// where it throws.
  ///
  /// All of them are open until then, so there should be hundreds at most.
  ///
  /// - Parameter old: A file that is removed when all are complete, before the first gets its name.
  /// - Throws: What `body` throws, and `unwritable`.
  package static func together<R>(replacing old: String, _ body: () throws -> R) throws -> R {
    let held = Group()
    let result = try $group.withValue(held, operation: body)
    // Of a link, what it leads to: the link stays.
    let place = try destination(old).0
    guard unlink(place) == 0 || errno == ENOENT else { throw SystemCall.writeError(old, errno) }
    for file in held.files { try file.takeName() }
    return result
  }

  @TaskLocal private static var group: Group?

  /// Complete files without their names. They are discarded where nothing holds them any more.
  private final class Group: Sendable {
    private let kept = Mutex<[OutputFile]>([])

    var files: [OutputFile] { kept.withLock { $0 } }

    func hold(_ file: OutputFile) { kept.withLock { $0.append(file) } }
  }

  private func takeName() throws {
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
    _ = (writing?.wait(), flushing?.wait())
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
    let descriptor = open(folder(of: path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
