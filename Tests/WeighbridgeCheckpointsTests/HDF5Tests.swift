import Testing
import WeighbridgeTensors
import WeighbridgeWeights

@testable import WeighbridgeCheckpoints

@Suite struct HDF5Tests {
  /// Those with structures that only the library reads: large groups in order of creation, external
  /// links, format 1.10.
  static let needLibrary = ["latest.h5", "nested.h5", "layouts.h5", "szip.h5", "scaleoffset.h5"]
  /// The structure of these is read in Swift.
  static let classic = FixtureTests.names.filter {
    $0.hasSuffix(".h5") && !["latest.h5", "nested.h5", "layouts.h5"].contains($0)
  }

  private func open(_ name: String, classic: Bool) throws -> HDF5File {
    try HDF5File(MappedFile(path: Fixtures.path(name)), classic: classic)
  }

  /// The reading in Swift and libhdf5 see the same file: names, types, values, texts.
  @Test(arguments: FixtureTests.names.filter { $0.hasSuffix(".h5") })
  func agreesWithTheLibrary(_ name: String) throws {
    let (swift, library) = (
      try open(name, classic: true), try open(name, classic: false)
    )
    #expect(swift.metadata == library.metadata)
    #expect(Set(swift.skipped) == Set(library.skipped))
    let entries = library.entries.sorted { $0.name < $1.name }
    #expect(swift.entries.map(\.name).sorted() == entries.map(\.name))
    for entry in entries {
      let (a, b) = (try swift.tensor(entry.name), try library.tensor(entry.name))
      #expect(a.dtype == b.dtype && a.shape == b.shape, "\(entry.name)")
      try a.withUnsafeBytes { a in
        try b.withUnsafeBytes { b in #expect(a.elementsEqual(b), "\(entry.name)") }
      }
    }
  }

  /// Ordinary files need no library.
  @Test(arguments: classic) func isReadInSwift(_ name: String) throws {
    let map = try MappedFile(path: Fixtures.path(name))
    _ = try map.withBytes { try HDF5ClassicWalk(HDF5Structure($0)) }
  }

  @Test func rootAttributesAreMetadata() throws {
    let metadata = try open("flat.h5", classic: true).metadata
    #expect(metadata["framework"] == "torch")
    #expect(metadata["epoch"] == "7")
    #expect(metadata["loss"] == "0.25")
    #expect(metadata["fixed"] == "fixed length")
    #expect(try open("reference.h5", classic: true).metadata["metadata"] == "{\"model\": \"vit\"}")
    #expect(
      try open("metadata-bytes.h5", classic: true).metadata["metadata"] == "{\"model\": \"vit\"}")
  }

  @Test func contiguousDatasetsAreUsedInPlace() throws {
    let file = try open("flat.h5", classic: true)
    #expect(file.entries.filter { $0.shape.elementCount > 0 }.allSatisfy { $0.storage == .inPlace })
    let zipped = try open("all.h5", classic: true)
    guard case .encoded("shuffle+gzip+fletcher32", let stored)? = zipped.entry("matrix")?.storage
    else {
      Issue.record("\(String(describing: zipped.entry("matrix")))")
      return
    }
    #expect(stored > 0)
  }

  @Test func whatIsNoTensorIsNamed() throws {
    let file = try open("layouts.h5", classic: true)
    let reasons = Dictionary(uniqueKeysWithValues: file.skipped.map { ($0.name, $0.reason.clause) })
    #expect(reasons["dangling"]?.contains("nowhere") == true)
    #expect(reasons["outside"]?.contains("another file") == true)
    #expect(reasons["group/cycle"]?.contains("back") == true)
    #expect(reasons["group/up"]?.contains("back") == true)
    #expect(reasons["words"]?.contains("text") == true)
    #expect(reasons["records"]?.contains("records") == true)
    #expect(reasons["ragged"]?.contains("lists") == true)
    #expect(reasons["ref"]?.contains("references") == true)
    #expect(reasons["virtual"] != nil)
    #expect(reasons["external"]?.contains("another file") == true)
    #expect(file.metadata["metadata"] == "{\"model\": \"stn\"}")
    let error = #expect(throws: WeighbridgeError.self) { try file.tensor("records") }
    #expect(error?.code == .unsupported)
    #expect(error?.entry == "records")
  }

  /// Fletcher's checksum of known bytes, from its definition over big-endian words modulo 65535.
  @Test func fletcher32() {
    func sum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { Fletcher32.checksum($0) } }
    #expect(sum([]) == 0)
    #expect(sum([0x01, 0x02]) == 0x0102_0102)
    #expect(sum([0x01, 0x02, 0x03, 0x04]) == (0x0102 + 0x0102 + 0x0304) << 16 | 0x0406)
    #expect(sum([0x01]) == 0x0100_0100)
  }
}
