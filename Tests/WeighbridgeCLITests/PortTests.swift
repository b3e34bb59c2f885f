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
