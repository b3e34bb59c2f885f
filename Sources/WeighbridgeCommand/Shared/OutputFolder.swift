import Weighbridge
import WeighbridgeWeights

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Folders that files are written into.
enum OutputFolder {
  /// Looks whether a folder is there or can be made, so that a command does not find out only at the end.
  ///
  /// - Throws: `unwritable`.
  static func check(_ path: String) throws {
    var place = path
    while !exists(place), let parent = parent(of: place) { place = parent }
    guard isFolder(place) else { throw noFolder(place) }
    guard access(place, W_OK | X_OK) == 0 else { throw SystemCall.writeError(place, errno) }
  }

  /// Makes a folder, and those around it that are missing.
  ///
  /// - Throws: `unwritable`.
  static func make(_ path: String) throws {
    guard !isFolder(path) else { return }
    guard !exists(path) else { throw noFolder(path) }
    if let parent = parent(of: path) { try make(parent) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw SystemCall.writeError(path, errno)
    }
  }

  /// Where a path leads through links; `nil` where there is nothing.
  static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  static func parent(of path: String) -> String? {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard path != "/", path != "." else { return nil }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func noFolder(_ path: String) -> WeighbridgeError {
    WeighbridgeError(
      .unwritable, "is no folder, and files are to be written into it", file: path,
      remedy: "Name another folder, or remove what is there")
  }

  /// Whether there is anything, if only a link that leads nowhere.
  private static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR)
  }
}
