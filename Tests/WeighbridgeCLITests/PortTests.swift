import Foundation
import TestSupport
import Testing

/// `weighbridge port` through the built command.
struct PortCommandTests {
  private func port(_ name: String, _ folder: String, _ options: String...) throws -> CommandRun {
    try CommandRun(
      list: [
        "port", Repository.fixture("networks/\(name)_reference.npz"), "--weights",
        Repository.fixture("networks/\(name).npz"), "--package", folder,
      ] + options)
  }

  @Test func writesAPackageAndKeepsWhatIsThere() throws {
    let temporary = try TemporaryDirectory()
    let folder = temporary.path("NetSwift")
    let first = try port("resnet", folder)
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.contains("ResNet in 2 structs"))
    for path in [
      "Package.swift", "net_swift.safetensors", "Sources/NetSwift/SmallNetworks.swift",
      "Sources/NetSwift/ResNet+Architecture.swift", "Sources/net_swift-tool/Tool.swift",
      "Tests/NetSwiftTests/ParityTests.swift", "Tests/NetSwiftTests/reference.npz",
    ] {
      #expect(FileManager.default.fileExists(atPath: folder + "/" + path), "\(path)")
    }
    let manifest = try String(contentsOfFile: folder + "/Package.swift", encoding: .utf8)
    #expect(manifest.contains("platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)]"))
    #expect(manifest.contains(".product(name: \"WeighbridgeNative\""))
    #expect(!manifest.contains(".product(name: \"Weighbridge\""))
    // The weights are a native file, and whole.
    let verify = try CommandRun("verify", folder + "/net_swift.safetensors")
    #expect(verify.status == 0, "\(verify.errors)")

    let source = folder + "/Sources/NetSwift/SmallNetworks.swift"
    let original = try String(contentsOfFile: source, encoding: .utf8)
    let again = try port("resnet", folder)
    #expect(again.status == 0, "\(again.errors)")
    let edited = original.replacing("let fc: Linear", with: "let fc: Linear  // mine")
    try edited.write(toFile: source, atomically: true, encoding: .utf8)
    let differs = try port("resnet", folder)
    #expect(differs.status == 1)
    #expect(differs.firstErrorLine.contains("differs; nothing was written"))
    #expect(differs.output.contains("let fc: Linear  // mine"))
    #expect(try String(contentsOfFile: source, encoding: .utf8) == edited)
    let forced = try port("resnet", folder, "--force")
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(try String(contentsOfFile: source, encoding: .utf8) == original)
  }

  /// A command that another package builds finds what that package depends on.
  @Test(arguments: ["/somewhere/weighbridge", "https://example.org/weighbridge"])
  func aToolOfAnotherPackageKnowsItsDependency(_ location: String) throws {
    let temporary = try TemporaryDirectory()
    let folder = temporary.url.appending(path: ".build/debug")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let tool = folder.appending(path: "net-tool")
    let built = try CommandRun.executable.resolvingSymlinksInPath()
    do {
      try FileManager.default.linkItem(at: built, to: tool)
    } catch {
      try FileManager.default.copyItem(at: built, to: tool)
    }
    func run(_ package: String) throws -> CommandRun {
      try CommandRun(
        list: [
          "port", Repository.fixture("networks/resnet_reference.npz"), "--weights",
          Repository.fixture("networks/resnet.npz"), "--package", temporary.path(package),
        ], executable: tool)
    }
    #expect(try run("Lost").firstErrorLine.contains("it is not known where Weighbridge is"))
    let state = """
      {"object": {"dependencies": [
        {"packageRef": {"location": "/elsewhere", "name": "Yams"}},
        {"packageRef": {"location": "\(location)", "name": "weighbridge"}}]}, "version": 7}
      """
    try state.write(
      to: temporary.url.appending(path: ".build/workspace-state.json"), atomically: true,
      encoding: .utf8)
    let found = try run("Found")
    #expect(found.status == 0, "\(found.errors)")
    let manifest = try String(
      contentsOfFile: temporary.path("Found/Package.swift"), encoding: .utf8)
    #expect(manifest.contains("\"\(location)\""), "\(manifest)")
  }

  /// What an earlier port left is named, and kept: it may be the user's own.
  @Test func otherSourcesAreNamed() throws {
    let temporary = try TemporaryDirectory()
    let folder = temporary.path("NetSwift")
    #expect(try port("resnet", folder).errors.isEmpty)
    let old = folder + "/Sources/NetSwift/Old.swift"
    try "// Mine.".write(toFile: old, atomically: true, encoding: .utf8)
    let again = try port("resnet", folder, "--force")
    #expect(again.status == 0)
    #expect(again.firstErrorLine.contains("Sources/NetSwift/Old.swift is there, too"))
    #expect(FileManager.default.fileExists(atPath: old))
  }

  /// What stands in the way of the folder is one line, and nothing is written.
  @Test(arguments: ["file", "file/Net", "Net"]) func aFileIsNoFolder(_ name: String) throws {
    let temporary = try TemporaryDirectory()
    _ = try temporary.text("file", "mine")
    try FileManager.default.createDirectory(
      atPath: temporary.path("Net"), withIntermediateDirectories: true)
    _ = try temporary.text("Net/Sources", "mine")
    let run = try port("resnet", temporary.path(name))
    #expect(run.status == (name == "Net" ? 1 : 3))
    let forced = try port("resnet", temporary.path(name), "--force")
    #expect(forced.status == 3)
    #expect(forced.firstErrorLine.contains("is no folder"), "\(forced.errors)")
    #expect(!forced.errors.contains("Foundation") && !forced.errors.contains("“"))
    #expect(try temporary.data("file") == Data("mine".utf8))
    let names = try FileManager.default.contentsOfDirectory(atPath: temporary.path("Net"))
    #expect(names == ["Sources"])
  }

  @Test func thePlaceOfWeighbridgeIsLookedAt() throws {
    let temporary = try TemporaryDirectory()
    for (place, words) in [
      (temporary.path("nowhere"), "there is no such folder"),
      (temporary.path("."), "there is no Package.swift in this folder"),
    ] {
      let run = try port("resnet", temporary.path("Net"), "--weighbridge", place)
      #expect(run.status == 64)
      #expect(run.firstErrorLine.contains(words), "\(run.errors)")
    }
    #expect(temporary.names.isEmpty)
  }

  @Test func commandsToCopyAreQuoted() throws {
    let temporary = try TemporaryDirectory()
    let folder = temporary.path("My 'Net")
    let run = try port("resnet", folder)
    #expect(run.status == 0, "\(run.errors)")
    let quoted = folder.replacing("'", with: "'\\''")
    #expect(run.output.contains("`swift test --package-path '\(quoted)'`"), "\(run.output)")
  }

  /// Links are followed, and what lies elsewhere is said, before anything is written there.
  @Test func linksAreFollowedAndSaid() throws {
    let temporary = try TemporaryDirectory()
    let folder = temporary.path("Net")
    let files = FileManager.default
    for name in ["Net", "elsewhere"] {
      try files.createDirectory(atPath: temporary.path(name), withIntermediateDirectories: true)
    }
    try files.createSymbolicLink(
      atPath: folder + "/Sources", withDestinationPath: temporary.path("elsewhere"))
    try files.createSymbolicLink(
      atPath: folder + "/Package.swift", withDestinationPath: "../manifest")
    let first = try port("resnet", folder)
    #expect(first.status == 1 && first.firstErrorLine.contains("is there and differs"))
    #expect(first.errors.contains("Net/Sources is a link"), "\(first.errors)")
    #expect(try files.contentsOfDirectory(atPath: temporary.path("elsewhere")).isEmpty)
    let forced = try port("resnet", folder, "--force")
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(forced.errors.contains("Net/Sources is a link"))
    #expect(files.fileExists(atPath: temporary.path("elsewhere/Net")))
    #expect(files.fileExists(atPath: temporary.path("manifest")))
    #expect(try files.destinationOfSymbolicLink(atPath: folder + "/Package.swift") == "../manifest")
  }

  @Test func saysWhatIsNotPorted() throws {
    let temporary = try TemporaryDirectory()
    let run = try port("limited", temporary.path("Limited"))
    #expect(run.status == 1)
    #expect(run.firstErrorLine.contains("could not be ported"))
    #expect(run.output.contains("not ported: spectrum: torch._C._fft.fft_rfft2"))
  }

  @Test func aReferenceWithoutANetworkIsSaid() throws {
    let temporary = try TemporaryDirectory()
    let run = try CommandRun(
      "port", Repository.fixture("networks/unet_other.npz"), "--weights",
      Repository.fixture("networks/unet.npz"), "--package", temporary.path("Net"))
    #expect(run.status == 3)
    #expect(run.firstErrorLine.contains("holds no network"))
    #expect(run.errors.contains("network=True"))
    #expect(!run.errors.contains("--model"))
    #expect(!FileManager.default.fileExists(atPath: temporary.path("Net")))
  }
}
