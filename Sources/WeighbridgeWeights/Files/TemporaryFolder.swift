import WeighbridgeTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The folder of a file that is written, where its temporary file lies.
///
/// A temporary file is locked while its process lives. One that can be locked is dead: its process was
/// killed, or the machine went down.
struct TemporaryFolder {
  /// Empty, or ends in a slash.
  private let lead: String
  let isDestinationEmpty: Bool

  private static let prefix = ".weighbridge-"
  private static let suffix = ".tmp"

  init(of destination: String) {
    let slash = destination.utf8.lastIndex(of: UInt8(ascii: "/"))
    lead = slash.map { String(destination[...$0]) } ?? ""
    isDestinationEmpty =
      slash.map { $0 == destination.utf8.index(before: destination.endIndex) }
      ?? destination.isEmpty
  }

  /// Creates a temporary file and locks it.
  ///
  /// - Parameter mode: Permissions of the file that it will replace; without them, those of a new file.
  /// - Throws: `unwritable`, naming `path`.
  func create(for path: String, mode: mode_t?) throws -> (descriptor: Int32, path: String) {
    for _ in 0..<16 {
      let random = String(UInt64.random(in: 0 ... .max), radix: 36)
      let temporary = lead + TemporaryFolder.prefix + random + TemporaryFolder.suffix
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode ?? 0o666)
      guard descriptor >= 0 else {
        guard errno == EEXIST else { throw SystemCall.writeError(path, errno) }
        continue
      }
      // The umask may have taken permissions away that the old file has.
      if let mode { fchmod(descriptor, mode) }
      // Another process may have found it between its making and its locking, and taken it for dead.
      let isLocked = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
      if isLocked, TemporaryFolder.isSame(descriptor, temporary) { return (descriptor, temporary) }
      close(descriptor)
    }
    throw SystemCall.writeError(path, EEXIST)
  }

  /// Removes temporary files whose processes are gone.
  func removeDead() {
    guard let folder = opendir(lead.isEmpty ? "." : lead) else { return }
    defer { closedir(folder) }
    while let item = readdir(folder) {
      let name = withUnsafePointer(to: &item.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasPrefix(TemporaryFolder.prefix), name.hasSuffix(TemporaryFolder.suffix) else {
        continue
      }
      TemporaryFolder.removeIfDead(lead + name)
    }
  }

  private static func removeIfDead(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG),
      status.st_uid == geteuid(), flock(descriptor, LOCK_EX | LOCK_NB) == 0,
      isSame(descriptor, path)
    else { return }
    unlink(path)
  }

  /// Whether a path still names an open file.
  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0
      && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
  }
}
