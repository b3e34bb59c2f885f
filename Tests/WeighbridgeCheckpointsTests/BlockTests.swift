import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// Tensors read block by block, which needs memory for one block.
@Suite struct BlockTests {
  /// A kilobyte that is 300 MB, decompressed: it is read in blocks, and refused as a whole.
  @Test func whatWouldFillTheMemoryIsReadInBlocksOnly() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("bomb-bzip2.npz"))
    #expect(checkpoint.entry("w")?.byteCount == 300_000_000)
    let error = #expect(throws: WeighbridgeError.self) { try checkpoint.tensor("w") }
    #expect(error?.code.exitStatus == 3 && error?.entry == "w")
    #expect(error?.message.contains("promises 300000") == true)
    var count = 0
    try checkpoint.forEachBlock(of: "w", limit: 1 << 24) { count += $0.elementCount }
    #expect(count == 75_000_000)
  }

  /// Blocks of every size hold what the tensor holds, in formats that are decoded as a stream, too.
  @Test(arguments: FixtureTests.names, [8, 24, 1 << 20])
  func blocksHoldTheElements(_ name: String, _ limit: Int) throws {
    let checkpoint = try Checkpoints.open(Fixtures.path(name))
    for entry in checkpoint.entries {
      var values: [Double] = []
      try checkpoint.forEachBlock(of: entry.name, limit: limit) { block in
        #expect(block.dtype == entry.dtype && block.rank == 1)
        #expect(block.byteCount <= max(limit, entry.dtype.byteCount))
        values += try block.elements(as: Double.self)
      }
      // In the order of the file: Fortran's arrays come in theirs.
      let expected = try checkpoint.tensor(entry.name).elements(as: Double.self)
      #expect(values.count == expected.count)
      #expect(
        values.map(\.bitPattern).sorted() == expected.map(\.bitPattern).sorted(), "\(entry.name)")
    }
  }

  /// The checks of a whole tensor are those of its blocks: the CRC-32, and what the data holds.
  @Test(arguments: ["crc.npz", "crc-deflated.npz"]) func damageIsFound(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("hostile/\(name)"))
    let error = #expect(throws: WeighbridgeError.self) {
      try checkpoint.forEachBlock(of: "a", limit: 8) { _ in }
    }
    #expect(error?.message == "the bytes are damaged: their CRC-32 is not the one in the archive")
    #expect(error?.entry == "a")
  }
}
