import Foundation
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

@Suite struct FixtureTests {
  static let names = Fixtures.expected.map { $0.keys.sorted() } ?? []
  static let hostileNames = Fixtures.hostile.map { $0.keys.sorted() } ?? []

  @Test func fixturesAreThere() {
    #expect(Self.names.count > 30)
    #expect(Self.hostileNames.count > 100)
  }

  /// What libhdf5 decodes: without it such a dataset is listed with its reason.
  #if HDF5
    static let needsLibrary: Set<String> = []
  #else
    static let needsLibrary: Set<String> = ["szip.h5"]

    @Test(arguments: needsLibrary) func isListedWithoutTheLibrary(_ name: String) throws {
      let checkpoint = try Checkpoints.open(Fixtures.path(name))
      #expect(checkpoint.entries.isEmpty)
      #expect(checkpoint.skipped.map(\.name) == ["matrix"])
      #expect(checkpoint.skipped.first?.reason.clause.contains("szip") == true)
    }
  #endif

  /// Every format and dialect reads as NumPy saw it: names, dtypes, shapes and every value.
  @Test(arguments: names.filter { !needsLibrary.contains($0) }) func holdsWhatNumPySaw(
    _ name: String
  ) throws {
    let expected = try #require(Fixtures.expected?[name])
    let tensors = try Fixtures.readAll(Fixtures.path(name))
    #expect(Set(tensors.keys) == Set(expected.keys))
    for (entry, tensor) in tensors {
      if let expected = expected[entry] { try tensor.expect(expected, entry) }
    }
  }

  /// `é` in one scalar and in two are two names, though Swift's comparison takes them for one.
  @Test(arguments: ["twins.npz", "twins.safetensors"]) func namesAreBytes(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Fixtures.path(name))
    #expect(checkpoint.entries.count == 2 && checkpoint.skipped.isEmpty)
    #expect(try checkpoint.tensor("\u{e9}").elements(as: Double.self) == [0, 1, 2])
    #expect(try checkpoint.tensor("e\u{301}").elements(as: Double.self) == [0, 1, 2, 3])
    #expect(checkpoint.entry("e\u{301}")?.shape.elementCount == 4)
  }

  /// Names that `save_model` took out are entries again, of the same bytes.
  @Test func tiedTensorsAreShared() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("tied.safetensors"))
    #expect(
      checkpoint.aliases == [
        "embed.weight": "again.weight", "head.weight": "again.weight", "head.bias": "again.bias",
      ])
    #expect(checkpoint.metadata == ["note": "tied"])
    let addresses = try ["again.weight", "embed.weight", "head.weight"].map { name in
      try checkpoint.tensor(name).withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }
    #expect(Set(addresses).count == 1)
    #expect(checkpoint.entry("head.bias")?.shape == [3])
  }

  /// Every hostile file gets its own one-line error when opened or read, naming the file; where one
  /// entry is at fault, when that is asked for.
  @Test(arguments: hostileNames) func isRefused(_ name: String) throws {
    let refusal = try #require(Fixtures.hostile?[name])
    let error = #expect(throws: WeighbridgeError.self) {
      _ = try Fixtures.readAll(Fixtures.path(name))
      let checkpoint = try Checkpoints.open(Fixtures.path(name))
      for entry in checkpoint.skipped { _ = try checkpoint.tensor(entry.name) }
    }
    guard let error else { return }
    #expect(error.code.rawValue == refusal.code, "\(error)")
    #expect(error.description.contains(refusal.says), "\(error)")
    #expect(error.file == Fixtures.path(name), "\(error)")
    #expect(!error.description.contains("\n"))
    #expect(error.code.exitStatus == 3)
  }
}
