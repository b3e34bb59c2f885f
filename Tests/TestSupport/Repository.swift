import Foundation

/// The files of this repository that tests read.
public enum Repository {
  public static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The folder of files that the tools made.
  public static let fixtures = root.appending(path: "fixtures")

  /// The path of one of them.
  public static func fixture(_ name: String) -> String { fixtures.appending(path: name).path }
}
