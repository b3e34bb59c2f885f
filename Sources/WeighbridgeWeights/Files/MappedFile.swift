import CFaults
import WeighbridgeTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A whole file, mapped read-only into memory; it keeps the bytes alive that tensors borrow.
///
/// Nothing is read until it is touched, and clean pages cost no memory of the process's own. The
/// size is taken once, at opening, and every access is checked against it.
///
/// A file that another process *truncates* while it is mapped is gone from memory: touching the lost
/// pages raises SIGBUS, as for every memory map. The command turns that signal into its one line; a
/// library does not change how a program handles signals. A program whose files may be cut short while
/// it reads them works on a copy. One that is overwritten in place gives mixed bytes, which
/// `checkUnchanged()` finds afterwards. Replacing a file by renaming another over it is harmless, and
/// that is how Weighbridge itself writes.
package final class MappedFile: @unchecked Sendable {
  package let path: String
  /// The size in bytes, never 0.
  package let byteCount: Int
  private let base: UnsafeRawPointer
  private let opened: stat
  /// Where a signal handler finds this map.
  private let noted: OpaquePointer?
  /// What keeps the bytes of a part alive; `nil` for a map of its own.
  private let owner: AnyObject?

  /// Maps a regular file.
  ///
  /// - Throws: `unreadable` when the path is missing, not permitted, a directory or another kind of
  ///   special file; `malformed` when the file is empty.
  package init(path: String) throws {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw SystemCall.readError("opened", path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw SystemCall.readError("examined", path, errno)
    }
    let kind = status.st_mode & mode_t(S_IFMT)
    guard kind == mode_t(S_IFREG) else {
      throw WeighbridgeError(
        .unreadable,
        kind == mode_t(S_IFDIR) ? "is a directory, not a file" : "is not a regular file",
        file: path, remedy: "Give the path of a file")
    }
    guard let size = Int(exactly: status.st_size), size > 0 else {
      throw WeighbridgeError(
        .malformed, "the file is empty", file: path, remedy: "Save or download it again")
    }
    guard let mapped = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED
    else { throw SystemCall.readError("mapped into memory", path, errno) }
    self.path = path
    byteCount = size
    base = UnsafeRawPointer(mapped)
    opened = status
    owner = nil
    noted = wb_mapping_insert(
      mapped, size, "weighbridge: error: \(MappedFile.cutShort(path: path).description)")
  }

  /// The error for a file that is no longer as long as it was when it was opened.
  static func cutShort(path: String?) -> WeighbridgeError {
    WeighbridgeError(
      .unreadable, "the file was cut short by another program while it was read", file: path,
      remedy: "Run it again when the file is complete")
  }

  /// Checks that nobody has written into the file since it was opened. Another file under its name is
  /// no change: the one that was opened stays what it was.
  ///
  /// - Throws: `unreadable` when it was.
  package func checkUnchanged() throws {
    var status = stat()
    guard stat(path, &status) == 0, status.st_dev == opened.st_dev, status.st_ino == opened.st_ino
    else { return }
    if status.st_size < opened.st_size { throw MappedFile.cutShort(path: path) }
    guard status.st_size == opened.st_size, status.modified == opened.modified else {
      throw WeighbridgeError(
        .unreadable, "the file was changed by another program while it was read", file: path,
        remedy: "Run it again when the file is complete")
    }
  }

  /// A part of a file, or what a part of it holds once decompressed, seen as a file.
  private init(_ whole: MappedFile, _ bytes: UnsafeRawBufferPointer, owner: AnyObject) throws {
    guard let start = bytes.baseAddress, !bytes.isEmpty else {
      throw WeighbridgeError(.malformed, "a part of the file is empty", file: whole.path)
    }
    (path, byteCount, base, opened) = (whole.path, bytes.count, start, whole.opened)
    (noted, self.owner) = (nil, owner)
  }

  /// The bytes from `offset`, `count` long, as a file of the same path; nothing is copied.
  ///
  /// - Throws: `malformed` when they do not lie within the file, or there are none.
  package func part(offset: Int, count: Int) throws -> MappedFile {
    let bytes = UnsafeRawBufferPointer(start: base, count: byteCount)
    guard let part = bytes.slice(at: offset, count: count) else {
      throw WeighbridgeError(
        .malformed, "\(count) bytes at offset \(offset) lie beyond the file's \(byteCount)",
        file: path)
    }
    return try MappedFile(self, part, owner: self)
  }

  /// What a part of this file holds once decompressed, as a file of the same path.
  ///
  /// - Throws: `malformed` when that is nothing.
  package func part(holding storage: TensorStorage) throws -> MappedFile {
    let address = storage.withBytes { UInt(bitPattern: $0.baseAddress) }
    let bytes = UnsafeRawBufferPointer(
      start: UnsafeRawPointer(bitPattern: address), count: storage.byteCount)
    return try MappedFile(self, bytes, owner: storage)
  }

  deinit {
    guard owner == nil else { return }
    wb_mapping_remove(noted)
    munmap(UnsafeMutableRawPointer(mutating: base), byteCount)
  }

  /// Calls `body` with the file's bytes, which stay mapped during the call.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) {
      try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }
  }

  /// The bytes from `offset`, `count` long, as storage that keeps the map alive.
  ///
  /// - Throws: `malformed` when they do not lie within the file.
  package func storage(offset: Int, count: Int) throws -> TensorStorage {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw WeighbridgeError(
        .malformed, "\(count) bytes at offset \(offset) lie beyond the file's \(byteCount)",
        file: path)
    }
    let bytes = UnsafeRawBufferPointer(start: base + offset, count: count)
    guard count >= MappedFile.worthLettingGo else {
      return TensorStorage(borrowing: bytes, owner: self)
    }
    return TensorStorage(borrowing: bytes, owner: self) { [self] in
      letGo(offset: offset, count: count)
    }
  }

  private static let worthLettingGo = 1 << 20

  /// Gives back the memory of what was read; it is read again where it is touched again. For whoever
  /// looks at a million small places of a file once.
  package func letGo() { letGo(offset: 0, count: byteCount) }

  /// The same of a part of it, so that one tensor at a time takes memory. What a file was decompressed to
  /// is no file's, and stays.
  private func letGo(offset: Int, count: Int) {
    if let owner {
      guard let whole = owner as? MappedFile else { return }
      return whole.letGo(offset: base - whole.base + offset, count: count)
    }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard page > 0 else { return }
    let start = (offset + page - 1) / page * page
    let end = offset + count == byteCount ? byteCount : (offset + count) / page * page
    guard end > start else { return }
    _ = madvise(
      UnsafeMutableRawPointer(mutating: base + start), end - start, Int32(MADV_DONTNEED))
  }

  /// Tells the system that a part will be read soon, from start to end.
  package func willNeed(offset: Int, count: Int) {
    guard offset >= 0, count > 0, offset < byteCount else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard page > 0 else { return }
    let start = offset / page * page
    let length = min(count, byteCount - offset) + offset - start
    _ = madvise(UnsafeMutableRawPointer(mutating: base + start), length, Int32(MADV_WILLNEED))
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian integer at a byte offset, or `nil` where it would leave the buffer.
  @inline(__always)
  package func littleEndian<Word: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: Word.Type = Word.self
  ) -> Word? {
    guard offset >= 0, offset <= count - MemoryLayout<Word>.size else { return nil }
    return Word(littleEndian: loadUnaligned(fromByteOffset: offset, as: Word.self))
  }

  /// The bytes of a range, or `nil` where it would leave the buffer.
  package func slice(at offset: Int, count length: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
    return UnsafeRawBufferPointer(rebasing: self[offset..<(offset + length)])
  }
}

extension stat {
  /// When the file was written to: seconds and nanoseconds.
  fileprivate var modified: [Int] {
    #if canImport(Darwin)
      [st_mtimespec.tv_sec, st_mtimespec.tv_nsec]
    #else
      [st_mtim.tv_sec, st_mtim.tv_nsec]
    #endif
  }
}
