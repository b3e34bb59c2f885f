import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// One entry never blocks a file: the others are listed and read, it is listed with its reason, and
/// asking for it is an error that says the same.
@Suite struct BadEntryTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let kind: SkipReason.Kind
    let clause: String
    let bytes: [UInt8]
    var testDescription: String { "\(kind.rawValue): \(clause)" }
  }

  static let good = CraftedArray.floats()

  /// An archive with a good entry before and after the bad one.
  static func npz(
    _ kind: SkipReason.Kind, _ clause: String, name: String = "bad", file: String = "bad.npy",
    _ content: [UInt8], _ change: (inout CraftedZip.Entry) -> Void = { _ in }
  ) -> Case {
    let zip = CraftedZip(.init("a.npy", good), .init(file, content, change), .init("z.npy", good))
    return Case(name: name, kind: kind, clause: clause, bytes: zip.bytes)
  }

  static let zipped: [Case] = [
    npz(
      .objects, "is an array of Python objects, which are pickled and can run code when loaded",
      CraftedArray.array("|O", "2,", [0x80, 4, 0x4e, 0x2e])),
    npz(
      .foreign, "is no NumPy array", name: "__MACOSX/._a", file: "__MACOSX/._a.npy",
      [0, 5, 0x16, 7, 0, 2, 0, 0, 1, 2, 3]),
    npz(.foreign, "is no NumPy array", name: "README.md", file: "README.md", Array("hello".utf8)),
    npz(.foreign, "is no NumPy array", name: "._x", file: "._x", []),
    npz(.damaged, "is no NumPy array: its magic number is missing", Array("hello, hello".utf8)),
    npz(
      .dtype, "is an array of raw bytes or records ('|V2'), which is not read",
      CraftedArray.array("|V2", "2,", [1, 2, 3, 4])),
    npz(
      .dtype, "is an array of raw bytes or records ('|V1'), which is not read",
      CraftedArray.array("|V1", "2,", [1, 2])),
    npz(
      .dtype, "is an array of complex numbers ('<c8'), which is not read",
      CraftedArray.array("<c8", "1,", [UInt8](repeating: 0, count: 8))),
    npz(
      .text, "is an array of text, not a tensor",
      CraftedArray.array("<U1", "2,", [97, 0, 0, 0, 98, 0, 0, 0])),
    npz(.encoding, "is compressed by zip method 99, which is not read", good) { $0.method = 99 },
    npz(.encoding, "the entry is encrypted", good) { $0.flags = 0x0801 },
    npz(
      .damaged, "the header promises 16 bytes of elements, 12 are there",
      CraftedArray.array("<f4", "4,", [UInt8](repeating: 0, count: 12))),
    npz(.damaged, "the NumPy header is cut off", Array(good.prefix(40))),
    npz(
      .damaged, "the NumPy header is wrong: 'fortran_order' is neither True nor False",
      CraftedArray.header("{'descr': '<f4', 'fortran_order': 1, 'shape': (3,), }")),
    npz(.damaged, "its two sizes differ though it is not compressed", good) { $0.byteCount = 7 },
    npz(.damaged, "its header is not where the zip directory says", good) { $0.offset = 3 },
    npz(.damaged, "its header contradicts the zip directory", good) {
      $0.localName = Array("other.npy".utf8)
    },
    npz(.damaged, "its bytes reach beyond where the archive's entries end", good) {
      ($0.byteCount, $0.storedByteCount) = (1 << 20, 1 << 20)
    },
    npz(.damaged, "shares bytes with z.npy: the archive is damaged", good) {
      ($0.byteCount, $0.storedByteCount) = (
        UInt32(good.count + 40), UInt32(good.count + 40)
      )
    },
    npz(.damaged, "promises 4294967040 bytes, more than its compressed data can hold", good) {
      ($0.method, $0.byteCount) = (8, 0xffff_ff00)
    },
    Case(
      name: "bad", kind: .ambiguous, clause: "the zip archive holds this name twice",
      bytes: CraftedZip(
        .init("a.npy", good), .init("bad.npy", good), .init("z.npy", good), .init("bad.npy", good)
      ).bytes),
    Case(
      name: "bad", kind: .ambiguous, clause: "the name appears twice",
      bytes: CraftedZip(
        .init("a.npy", good), .init("bad.npy", good), .init("z.npy", good), .init("bad", good)
      ).bytes),
  ]

  /// A header with a good tensor before and after the bad one.
  static func safetensors(
    _ kind: SkipReason.Kind, _ clause: String, _ entry: String, bytes: Int = 12
  ) -> Case {
    func good(_ offset: Int) -> String {
      #"{"dtype":"F32","shape":[3],"data_offsets":[\#(offset),\#(offset + 12)]}"#
    }
    let header = #"{"a":\#(good(0)),"bad":\#(entry),"z":\#(good(12 + bytes))}"#
    return Case(
      name: "bad", kind: kind, clause: clause,
      bytes: craftedSafetensors(
        header, Array(good12 + [UInt8](repeating: 0, count: bytes) + good12)))
  }

  static let good12 = (0..<3).flatMap { CraftedArray.bytes(Float($0).bitPattern) }

  static let headed: [Case] = [
    safetensors(
      .dtype, "tensors of dtype F8_E8M0 are not read",
      #"{"dtype":"F8_E8M0","shape":[12],"data_offsets":[12,24]}"#),
    safetensors(
      .damaged, "there is no dtype 'Q7'", #"{"dtype":"Q7","shape":[12],"data_offsets":[12,24]}"#),
    safetensors(
      .damaged, "the shape [4] of float32 needs 16 bytes, its offsets give 12",
      #"{"dtype":"F32","shape":[4],"data_offsets":[12,24]}"#),
    safetensors(
      .damaged, "its bytes run backward: [24, 12]",
      #"{"dtype":"F32","shape":[3],"data_offsets":[24,12]}"#),
    safetensors(
      .damaged, "its bytes lie beyond the file's end",
      #"{"dtype":"F32","shape":[3],"data_offsets":[40000,40012]}"#),
    safetensors(
      .damaged, "the shape [-3] has a negative extent",
      #"{"dtype":"F32","shape":[-3],"data_offsets":[12,24]}"#),
    Case(
      name: "bad", kind: .ambiguous, clause: "the name stands twice in the header",
      bytes: craftedSafetensors(
        #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"bad":{"dtype":"F32","shape":[0],"#
          + #""data_offsets":[12,12]},"bad":{"dtype":"I8","shape":[0],"data_offsets":[12,12]},"#
          + #""z":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}}"#, good12 + good12)),
  ]

  @Test(arguments: zipped + headed) func theOthersAreUsable(_ bad: Case) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try directory.open(bad.bytes)
    #expect(checkpoint.entries.map(\.name) == ["a", "z"])
    for name in ["a", "z"] {
      #expect(try checkpoint.tensor(name).elements(as: Float.self) == [0, 1, 2])
    }
    #expect(checkpoint.skipped.map(\.name) == [bad.name])
    let reason = try #require(checkpoint.skipped.first?.reason)
    #expect(reason.kind == bad.kind)
    // What the JSON's reader says, it says with the place.
    #expect(reason.clause == bad.clause || reason.clause.hasSuffix(": " + bad.clause))
    #expect(checkpoint.skipReason(of: bad.name) == reason)
    let error = #expect(throws: WeighbridgeError.self) { try checkpoint.tensor(bad.name) }
    #expect(error?.code.exitStatus == 3)
    #expect(error?.message == reason.clause)
    #expect(error?.entry == bad.name)
    #expect(error?.file == checkpoint.path)
    #expect(
      checkpoint.unreadable.isEmpty == [.text, .foreign].contains(bad.kind), "\(bad.kind)")
  }

  /// Two tensors that share bytes: neither is used.
  @Test func overlappingTensorsAreBothSkipped() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try directory.open(
      craftedSafetensors(
        #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[1],"#
          + #""data_offsets":[8,12]},"z":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}}"#,
        Self.good12 + Self.good12))
    #expect(checkpoint.entries.map(\.name) == ["z"])
    #expect(Set(checkpoint.skipped.map(\.name)) == ["a", "b"])
    #expect(
      checkpoint.skipped.allSatisfy {
        $0.reason.clause == "its bytes overlap those of another tensor"
      })
  }

  /// A file that is cut off is not a matter of one entry.
  @Test func aFileThatIsCutOffIsRefused() throws {
    let directory = try TemporaryDirectory()
    let whole = craftedSafetensors(
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"z":{"dtype":"F32","shape":[3],"#
        + #""data_offsets":[12,24]}}"#, Self.good12 + Self.good12)
    let error = #expect(throws: WeighbridgeError.self) {
      try directory.open(whole.dropLast(5).map { $0 })
    }
    #expect(error?.message.hasPrefix("the file is cut off: its header promises 24 bytes") == true)
  }

  /// The index decides what a sharded checkpoint is.
  @Test func theIndexDecides() throws {
    let directory = try TemporaryDirectory()
    func shard(_ names: String...) -> [UInt8] {
      let entries = names.enumerated().map { index, name in
        #""\#(name)":{"dtype":"F32","shape":[3],"data_offsets":[\#(12 * index),\#(12 * index + 12)]}"#
      }
      return craftedSafetensors(
        "{\(entries.joined(separator: ","))}", names.flatMap { _ in Self.good12 })
    }
    _ = try directory.write(shard("a", "left", "b"), "m-00001-of-00002.safetensors")
    _ = try directory.write(shard("b"), "m-00002-of-00002.safetensors")
    let path = try directory.write(
      Array(
        (#"{"weight_map":{"a":"m-00001-of-00002.safetensors","b":"m-00002-of-00002.safetensors","#
          + #""gone":"m-00002-of-00002.safetensors"}}"#).utf8), "m.safetensors.index.json")
    for opened in [path, directory.url.path] {
      let checkpoint = try Checkpoints.open(opened)
      #expect(checkpoint.entries.map(\.name) == ["a", "b"])
      #expect(try checkpoint.tensor("b").elements(as: Float.self) == [0, 1, 2])
      let reasons = Dictionary(
        uniqueKeysWithValues: checkpoint.skipped.map { ($0.name, $0.reason) })
      #expect(
        reasons["left"]
          == SkipReason(
            .unlisted,
            "is in the shard m-00001-of-00002.safetensors and not in the index, which decides"))
      #expect(
        reasons["gone"]?.clause
          == "the shard m-00002-of-00002.safetensors does not hold this tensor")
      #expect(
        reasons["m-00001-of-00002.safetensors: b"]?.clause
          == "the index takes this tensor from m-00002-of-00002.safetensors")
    }
    let lone = try Checkpoints.open(directory.path("m-00001-of-00002.safetensors"))
    #expect(lone.remarks.first?.hasPrefix("this is shard 1 of 2: ") == true)
    #expect(lone.entries.count == 3)
  }

  /// Memory that cannot be had for what a file promises is the file's matter.
  @Test func anAllocationThatCannotBeIsStatus3() throws {
    let error = #expect(throws: WeighbridgeError.self) {
      try WeighbridgeError.locating(file: "w.npz", entry: "w") {
        _ = try TensorStorage(byteCount: 1 << 45) { _ in }
      }
    }
    #expect(error?.code.exitStatus == 3)
    #expect(
      error?.description.contains("w.npz: w: not enough memory for 35184372088832 bytes") == true)
  }
}
