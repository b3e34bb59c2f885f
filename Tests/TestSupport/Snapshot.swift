import Foundation

/// Texts that were kept, one file each. With `WEIGHBRIDGE_SNAPSHOTS=update` in the environment they are
/// written anew; look at the difference before you commit it.
public struct Snapshots: Sendable {
  private let folder: URL

  public init(_ folder: URL) { self.folder = folder }

  /// Where a text differs from the kept one: the first line that does; `nil` where it is the same.
  ///
  /// - Throws: when the file cannot be read, or written.
  public func difference(_ text: String, _ name: String) throws -> String? {
    let file = folder.appending(path: name)
    guard ProcessInfo.processInfo.environment["WEIGHBRIDGE_SNAPSHOTS"] != "update" else {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
      return nil
    }
    guard let kept = try? String(contentsOf: file, encoding: .utf8) else {
      return "\(name) is not there: WEIGHBRIDGE_SNAPSHOTS=update writes it"
    }
    guard kept != text else { return nil }
    let (ours, theirs) = (kept.split(separator: "\n"), text.split(separator: "\n"))
    let line = zip(ours, theirs).enumerated().first { $0.element.0 != $0.element.1 }
    guard let line else { return "\(name) has \(ours.count) lines, this is \(theirs.count)" }
    return "\(name), line \(line.offset + 1): kept \"\(line.element.0)\", now \"\(line.element.1)\""
  }
}
