#if os(macOS) || os(Linux)
  import Foundation
#endif

/// Lays sources out by the toolchain's own `swift format`, where there is one.
enum SwiftFormat {
  /// The files as `swift format` has them; as they are where it cannot be run.
  static func formatted(_ files: [PortedPackage.File]) -> [PortedPackage.File] {
    var result = formattedOnce(files)
    for _ in 0..<4 {
      let long = result.indices.filter {
        result[$0].path.hasSuffix(".swift") && LongLines.count(result[$0].text) > 0
      }
      if long.isEmpty { break }
      let again = formattedOnce(
        long.map { .init(path: result[$0].path, text: LongLines.broken(result[$0].text)) })
      for (place, file) in zip(long, again) { result[place] = file }
    }
    return result
  }

  private static func formattedOnce(_ files: [PortedPackage.File]) -> [PortedPackage.File] {
    #if os(macOS) || os(Linux)
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "weighbridge-port-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let swift = files.indices.filter { files[$0].path.hasSuffix(".swift") }
        // Numbers for names: the tool is given nothing that comes from a recording.
        for index in swift {
          try Data(files[index].text.utf8).write(to: folder.appending(path: "\(index).swift"))
        }
        let configuration = folder.appending(path: "format.json")
        try Data(PackageWriter.format.utf8).write(to: configuration)
        try run(
          ["swift", "format", "format", "--in-place", "--configuration", configuration.path]
            + swift.map { folder.appending(path: "\($0).swift").path })
        return try files.enumerated().map { index, file in
          guard swift.contains(index) else { return file }
          let text = try String(
            contentsOf: folder.appending(path: "\(index).swift"), encoding: .utf8)
          return PortedPackage.File(path: file.path, text: text)
        }
      } catch {
        return files
      }
    #else
      return files
    #endif
  }

  #if os(macOS) || os(Linux)
    private static func run(_ arguments: [String]) throws {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = arguments
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      process.standardInput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }
  #endif
}
