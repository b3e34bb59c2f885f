import CHDF5
import Testing
import WeighbridgeTensors
import WeighbridgeWeights

@testable import WeighbridgeCheckpoints

@Suite struct HDF5Tests {
  static let names = FixtureTests.names.filter { $0.hasSuffix(".h5") }
  /// Written with HDF5 2.0's own encodings, which the system's library need not know.
  static let newest = names.filter { $0.hasPrefix("newest") }

  private func open(_ name: String) throws -> HDF5File {
    try HDF5File(MappedFile(path: Fixtures.path(name)))
  }

  /// libhdf5 sees the same bytes in every dataset that it knows.
  @Test(arguments: names) func agreesWithTheLibrary(_ name: String) throws {
    let swift = try open(name)
    #expect(!swift.entries.isEmpty)
    for entry in swift.entries {
      let tensor = try swift.tensor(entry.name)
      guard let library = HDF5Judge.bytes(Fixtures.path(name), entry.rawPath, entry.byteCount)
      else {
        #expect(Self.newest.contains(name) || entry.storage.description.contains("lzf"))
        continue
      }
      let isSwapped = library.isBigEndian
      let expected = try Tensor(
        dtype: entry.dtype, shape: entry.shape,
        storage: TensorStorage(byteCount: library.bytes.count) { $0.copyBytes(from: library.bytes) }
      )
      try (isSwapped ? expected.byteSwapped() : expected).withUnsafeBytes { expected in
        try tensor.withUnsafeBytes { #expect($0.elementsEqual(expected), "\(entry.name)") }
      }
    }
  }

  @Test func rootAttributesAreMetadata() throws {
    for name in ["flat.h5", "modern-attributes.h5"] {
      let metadata = try open(name).metadata
      #expect(metadata["framework"] == "torch")
      #expect(metadata["epoch"] == "7")
      #expect(metadata["loss"] == "0.25")
      #expect(metadata["fixed"] == "fixed length")
    }
    #expect(try open("reference.h5").metadata["metadata"] == "{\"model\": \"vit\"}")
    #expect(try open("metadata-bytes.h5").metadata["metadata"] == "{\"model\": \"vit\"}")
    let many = try open("modern-attributes.h5").metadata
    for number in 0..<100 { #expect(many["note\(number)"] == "value \(number)") }
    #expect(many["long"]?.utf8.count == 100_000)
  }

  @Test func contiguousDatasetsAreUsedInPlace() throws {
    let file = try open("flat.h5")
    #expect(file.entries.filter { $0.shape.elementCount > 0 }.allSatisfy { $0.storage == .inPlace })
    let zipped = try open("all.h5")
    guard case .encoded("shuffle+gzip+fletcher32", let stored)? = zipped.entry("matrix")?.storage
    else {
      Issue.record("\(String(describing: zipped.entry("matrix")))")
      return
    }
    #expect(stored > 0)
  }

  @Test func whatIsNoTensorIsNamed() throws {
    let file = try open("layouts.h5")
    let reasons = Dictionary(uniqueKeysWithValues: file.skipped.map { ($0.name, $0.reason.clause) })
    #expect(reasons["dangling"]?.contains("nowhere") == true)
    #expect(reasons["outside"]?.contains("another file") == true)
    #expect(reasons["group/cycle"]?.contains("back") == true)
    #expect(reasons["group/up"]?.contains("back") == true)
    #expect(reasons["words"]?.contains("text") == true)
    #expect(reasons["records"]?.contains("records") == true)
    #expect(reasons["ragged"]?.contains("lists") == true)
    #expect(reasons["ref"]?.contains("references") == true)
    #expect(reasons["virtual"]?.contains("virtual") == true)
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

  /// Jenkins' own examples of `hashlittle`, from `driver5` of lookup3.c.
  @Test func lookup3() {
    func sum(_ text: String) -> UInt32 { Array(text.utf8).withUnsafeBytes { Lookup3.checksum($0) } }
    #expect(sum("") == 0xdead_beef)
    #expect(sum("Four score and seven years ago") == 0x1777_0551)
  }
}

/// What libhdf5 reads, without conversion.
enum HDF5Judge {
  static func bytes(
    _ file: String, _ path: String, _ byteCount: Int
  ) -> (bytes: [UInt8], isBigEndian: Bool)? {
    HDF5Library.run {
      let file = H5Fopen(file, wb_h5_read_only(), wb_h5_default())
      guard file >= 0 else { return nil }
      defer { H5Fclose(file) }
      let dataset = H5Dopen2(file, path, wb_h5_default())
      guard dataset >= 0 else { return nil }
      defer { H5Dclose(dataset) }
      let type = H5Dget_type(dataset)
      defer { H5Tclose(type) }
      var bytes = [UInt8](repeating: 0, count: max(1, byteCount))
      guard H5Dread(dataset, type, wb_h5_all(), wb_h5_all(), wb_h5_default(), &bytes) >= 0 else {
        return nil
      }
      return (Array(bytes.prefix(byteCount)), H5Tget_order(type) == H5T_ORDER_BE)
    }
  }
}
