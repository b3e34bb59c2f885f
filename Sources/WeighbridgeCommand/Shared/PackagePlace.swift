import Foundation
import Weighbridge
import WeighbridgeWeights

/// Where Weighbridge is, for a package that is to depend on it.
enum PackagePlace {
  /// Looks from where a command lies upwards: in a clone of Weighbridge, or in the build folder of a package
  /// that depends on it, where SwiftPM notes what that is.
  ///
  /// - Returns: A folder or a repository's address; `nil` where the command was moved elsewhere.
  static func known(to executable: URL) -> String? {
    var place = executable.resolvingSymlinksInPath().standardizedFileURL
    while place.path.count > 1 {
      place = place.deletingLastPathComponent()
      let sources = place.appending(path: "Sources/WeighbridgePort").path
      if FileManager.default.fileExists(atPath: sources) { return place.path }
      if let found = dependency(notedIn: place.appending(path: "workspace-state.json")) {
        return found
      }
    }
    return nil
  }

  /// The whole path of a folder that a package is to depend on.
  ///
  /// - Throws: `usage` where no package is there.
  static func checked(_ folder: String) throws -> String {
    let place = URL(filePath: folder).standardizedFileURL
    guard FileManager.default.fileExists(atPath: place.appending(path: "Package.swift").path) else {
      let isThere = FileManager.default.fileExists(atPath: place.path)
      throw WeighbridgeError(
        .usage, isThere ? "there is no Package.swift in this folder" : "there is no such folder",
        file: folder,
        remedy:
          "Give --weighbridge the folder of Weighbridge, or its repository's address: https://…")
    }
    return place.path
  }

  /// What a package's build folder says that its dependency `weighbridge` is.
  private static func dependency(notedIn file: URL) -> String? {
    guard let text = try? String(contentsOf: file, encoding: .utf8),
      let document = try? JSONDocument(parsing: text),
      case .array(let dependencies)? = document["object"]?["dependencies"]
    else { return nil }
    let found = dependencies.lazy.compactMap { $0["packageRef"] }
      .first { $0["name"]?.stringValue?.lowercased() == "weighbridge" }
    return found?["location"]?.stringValue
  }
}
