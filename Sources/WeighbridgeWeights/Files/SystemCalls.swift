#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import WeighbridgeTensors

/// What the system says about a failed call, and what the user can do about it.
package enum SystemCall {
  /// The text of an `errno` value.
  package static func text(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The error for a file that could not be opened or read.
  package static func readError(_ action: String, _ path: String, _ code: Int32) -> WeighbridgeError
  {
    let remedy: String? =
      switch code {
      case ENOENT, ENOTDIR: "Check the path"
      case EACCES, EPERM: "Check the file's permissions"
      default: nil
      }
    return WeighbridgeError(
      .unreadable, "cannot be \(action): \(text(code))", file: path, remedy: remedy)
  }

  /// The error for a file that could not be written.
  package static func writeError(_ path: String, _ code: Int32) -> WeighbridgeError {
    let remedy: String? =
      switch code {
      case ENOSPC, EDQUOT: "Free some space or write elsewhere"
      case EFBIG: "Raise the file size limit or write elsewhere"
      case ENOENT, ENOTDIR: "Check that the directory exists"
      case EACCES, EPERM, EROFS: "Check the permissions, or write elsewhere"
      default: nil
      }
    return WeighbridgeError(
      .unwritable, "cannot be written: \(text(code))", file: path, remedy: remedy)
  }
}
