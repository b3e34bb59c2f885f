import Weighbridge

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Keeps a command from writing over what it reads, or twice to one file, and from finding out only
/// at the end that it cannot write.
enum OutputPaths {
  /// - Parameters:
  ///   - outputs: What will be written; `nil` is nothing.
  ///   - inputs: What is read.
  /// - Throws: `usage` for `-`, and when an output is one of the inputs, by whatever name, or another
  ///   output; `unwritable` when a file cannot be made there.
  static func check(_ outputs: [String?], against inputs: [String?]) throws {
    let outputs = outputs.compactMap { $0 }
    for (index, output) in outputs.enumerated() {
      guard output != "-" else {
        throw WeighbridgeError(
          .usage, "'-' is no path: only --json prints on standard output", remedy: "Name a file")
      }
      if inputs.contains(where: { $0.map { isSameFile($0, output) } ?? false }) {
        throw WeighbridgeError(
          .usage, "is the same file as one that is read", file: output,
          remedy: "Give the output another name")
      }
      if outputs[..<index].contains(where: { $0 == output || isSameFile($0, output) }) {
        throw WeighbridgeError(
          .usage, "two outputs have this name", file: output,
          remedy: "Give each a name of its own")
      }
    }
    // Made and taken away again.
    for output in outputs { try OutputFile(path: output).discard() }
  }

  /// Whether both paths lead to one file, through links and by whatever way; it need not exist yet.
  private static func isSameFile(_ a: String, _ b: String) -> Bool {
    guard let first = identity(a), let second = identity(b) else { return false }
    return first == second
  }

  /// A file that is there, or the place in its folder of one that is not; `nil` where neither is.
  private static func identity(_ path: String) -> [String]? {
    var status = stat()
    if stat(path, &status) == 0 { return ["\(status.st_dev)", "\(status.st_ino)"] }
    let path = (try? OutputFile.linked(path)) ?? path
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { String(path[...$0]) } ?? "."
    let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
    guard stat(folder, &status) == 0 else { return nil }
    return ["\(status.st_dev)", "\(status.st_ino)", name]
  }
}
