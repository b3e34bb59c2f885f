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

  /// Every format and dialect reads as NumPy saw it: names, dtypes, shapes and every value.
  @Test(arguments: names) func holdsWhatNumPySaw(_ name: String) throws {
    let expected = try #require(Fixtures.expected?[name])
    let tensors = try Fixtures.readAll(Fixtures.path(name))
    #expect(Set(tensors.keys) == Set(expected.keys))
    for (entry, tensor) in tensors {
      if let expected = expected[entry] { try tensor.expect(expected, entry) }
    }
  }

  /// Every hostile file gets its own one-line error when opened or read, naming the file.
  @Test(arguments: hostileNames) func isRefused(_ name: String) throws {
    let refusal = try #require(Fixtures.hostile?[name])
    let error = #expect(throws: WeighbridgeError.self) {
      _ = try Fixtures.readAll(Fixtures.path(name))
    }
    guard let error else { return }
    #expect(error.code.rawValue == refusal.code, "\(error)")
    #expect(error.description.contains(refusal.says), "\(error)")
    #expect(error.file == Fixtures.path(name), "\(error)")
    #expect(!error.description.contains("\n"))
    #expect(error.code.exitStatus == 3)
  }
}
