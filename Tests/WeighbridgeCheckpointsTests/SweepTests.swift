import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// Damaged copies of every fixture: cut off at every length, and with every byte changed. Nothing may
/// crash; each either is refused with an error or still reads. `WEIGHBRIDGE_SWEEP=all` tries all of
/// them, otherwise an even selection.
@Suite struct SweepTests {
  static let isExhaustive = ProcessInfo.processInfo.environment["WEIGHBRIDGE_SWEEP"] == "all"
  static let names = FixtureTests.names.filter { !$0.hasSuffix(".json") }

  private static func positions(_ count: Int) -> [Int] {
    let step = isExhaustive ? 1 : max(1, count / 150)
    return Array(stride(from: 0, to: count, by: step))
  }

  /// Opens the bytes and reads every tensor, each by itself.
  private func read(_ bytes: Data, _ file: TemporaryDirectory) throws -> Outcome {
    let path = file.path("damaged")
    try bytes.write(to: URL(filePath: path))
    do {
      let checkpoint = try Checkpoints.open(path)
      var damaged = checkpoint.unreadable.count
      for entry in checkpoint.entries {
        do {
          let tensor = try checkpoint.tensor(entry.name)
          #expect(tensor.shape == entry.shape)
          #expect(tensor.dtype == entry.dtype)
        } catch let error as WeighbridgeError {
          damaged += 1
          #expect(error.file == path, "\(error)")
          #expect(error.code.exitStatus == 3, "\(error)")
        }
      }
      return damaged == 0 ? .read(checkpoint.entries.count) : .damaged
    } catch let error as WeighbridgeError {
      #expect(error.file == path, "\(error)")
      #expect(error.code.exitStatus == 3, "\(error)")
      return .refused
    }
  }

  private enum Outcome { case read(Int), damaged, refused }

  @Test(arguments: names) func everyPrefixIsRefused(_ name: String) throws {
    let bytes = try Data(contentsOf: URL(filePath: Fixtures.path(name)))
    let directory = try TemporaryDirectory()
    for length in Self.positions(bytes.count) {
      if case .read(let count) = try read(bytes.prefix(length), directory) {
        // HDF5 allocates ahead, so a file may end in bytes that nothing uses; of an archive that ends
        // in a comment only that may be lost.
        #expect(
          name.hasSuffix(".h5") || name == "comment.npz",
          "\(name) cut off at \(length) reads \(count) tensors")
      }
    }
  }

  @Test(arguments: names, [0xff, 0x01, 0x80] as [UInt8])
  func everyChangedByteIsSurvived(_ name: String, _ mask: UInt8) throws {
    let bytes = try Data(contentsOf: URL(filePath: Fixtures.path(name)))
    let directory = try TemporaryDirectory()
    for position in Self.positions(bytes.count) {
      var changed = bytes
      changed[position] ^= mask
      _ = try read(changed, directory)
    }
  }
}
