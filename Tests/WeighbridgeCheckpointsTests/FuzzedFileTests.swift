import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// What mutated files did to the readers, once.
@Suite struct FuzzedFileTests {
  /// libzip read beyond the bytes of a compressed entry that has none.
  @Test func aCompressedEntryOfNoBytesIsDamaged() throws {
    for method in [8, 12] as [UInt16] {
      let zip = CraftedZip(
        .init("a.npy", CraftedArray.floats()),
        .init("b.npy", []) { ($0.method, $0.byteCount, $0.crc) = (method, 136, 7) })
      let checkpoint = try TemporaryDirectory().open(zip.bytes)
      #expect(checkpoint.entries.map(\.name) == ["a"])
      #expect(checkpoint.skipReason(of: "b")?.kind == .damaged)
    }
  }

  /// A file says how large the elements are that its bytes were shuffled by: as many steps were taken,
  /// though there was not one element. It would take a minute and more.
  @Test(arguments: [8, 9, 1 << 40, .max]) func bytesOfNoElementStayWhereTheyAre(_ size: Int) {
    let bytes = Array(1...8) as [UInt8]
    var output = [UInt8](repeating: 0, count: 8)
    output.withUnsafeMutableBytes { output in
      bytes.withUnsafeBytes { Shuffle.undo($0, elementSize: size, into: output) }
    }
    #expect(output == bytes)
  }
}
