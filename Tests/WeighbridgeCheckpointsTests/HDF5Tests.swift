import Foundation
import TestSupport
import Testing
import WeighbridgeTensors
import WeighbridgeWeights

@testable import WeighbridgeCheckpoints

@Suite struct HDF5Tests {
  static let names = FixtureTests.names.filter { $0.hasSuffix(".h5") }

  private func open(_ name: String) throws -> HDF5File {
    try HDF5File(MappedFile(path: Fixtures.path(name)))
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

  /// Keras' list of layers under the name that a reference's texts have: said, not passed over.
  @Test func metadataThatIsNoTextIsSaid() throws {
    let directory = try TemporaryDirectory()
    var bytes = try [UInt8](
      Data(contentsOf: URL(filePath: Fixtures.path("keras/net-weights.h5"))))
    let name = Array("layer_names\0".utf8)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
    bytes.replaceSubrange(place..<(place + name.count), with: Array("metadata\0\0\0\0".utf8))
    let path = try directory.write(bytes, "renamed.h5")
    let file = try HDF5File(MappedFile(path: path))
    #expect(file.metadata["metadata"] == nil && !file.entries.isEmpty)
    let reason = file.skipped.first { $0.name == "metadata" }?.reason
    #expect(reason?.clause.contains("no single text") == true)
    #expect(reason?.mayBeTensor == false)
  }

  @Test func writingWithoutTheLibraryIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out.h5")
    #expect(CheckpointFormat(pathExtension: path) == .hdf5)
    if CheckpointFormat.hdf5.isWritten {
      try Checkpoints.write(path, format: .hdf5, tensors: [])
      try CheckpointFormat.hdf5.checkIsBuilt()
    } else {
      let error = #expect(throws: WeighbridgeError.self) {
        try Checkpoints.write(path, format: .hdf5, tensors: [])
      }
      #expect(error?.code == .unsupported && error?.message.contains("trait HDF5") == true)
      #expect(error?.remedy?.contains("HDF5") == false && directory.names.isEmpty)
    }
  }

  #if HDF5
    /// Names that differ by `/` and `.` alone are one name to whoever reads the file.
    @Test(arguments: HDF5Naming.allCases) func namesThatReadAsOneAreRefused(
      _ naming: HDF5Naming
    ) throws {
      let directory = try TemporaryDirectory()
      let tensor = try Tensor([1 as Float, 2], shape: [2])
      for names in [["a.b", "a/b"], ["a/b.c", "a.b/c"]] {
        let error = #expect(throws: WeighbridgeError.self) {
          try Checkpoints.write(
            directory.path("o.h5"), format: .hdf5, tensors: names.map { ($0, tensor) },
            naming: naming)
        }
        #expect(error?.code == .unsupported && error?.entry == names[1])
        #expect(error?.message.contains("'\(names[0])'") == true, "\(error?.message ?? "")")
        #expect(error?.remedy?.contains("npz") == true)
      }
      #expect(directory.names.isEmpty)
    }
  #endif

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
