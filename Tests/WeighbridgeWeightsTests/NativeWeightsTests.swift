import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeWeights

@Suite struct NativeWeightsTests {
  static let manifest = NativeManifest(
    architecture: "vit", configuration: "{\"depth\": 6, \"note\": \"é\\\"\"}",
    source: NativeManifest.Source(name: "vit.npz", sha256: String(repeating: "ab", count: 32)),
    notes: ["trained on": "digits"])

  static func tensors() throws -> [(name: String, tensor: Tensor)] {
    let ramp = try Tensor((0..<96).map { Float($0) }, shape: [4, 24])
    return [
      ("flag", try Tensor([UInt8(1), 0, 1], shape: [3]).converted(to: .bool)),
      ("fc.bias", try Tensor([Float(1), 2, 3], shape: [3])),
      ("fc.weight", ramp),
      ("half", try ramp.converted(to: .float16)),
      ("brain", try Tensor([Float(1), -2, 3], shape: [3]).converted(to: .bfloat16)),
      ("count", try Tensor([Int64.max], shape: [])),
      ("empty", try Tensor([Float](), shape: [0, 2])),
      ("view", try ramp.permuted([1, 0])),
      ("double", try Tensor([Double.pi, -0.0], shape: [2])),
    ]
  }

  @Test func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model.safetensors")
    let tensors = try Self.tensors()
    try NativeWeights.write(path, manifest: Self.manifest, tensors: tensors)
    #expect(directory.names == ["model.safetensors"])
    let file = try NativeWeights.open(path)
    #expect(file.manifest.architecture == "vit")
    #expect(file.manifest.configuration == Self.manifest.configuration)
    #expect(file.manifest.layout == "pytorch")
    #expect(file.manifest.source == Self.manifest.source)
    #expect(file.manifest.notes["trained on"] == "digits")
    #expect(Set(file.entries.map(\.name)) == Set(tensors.map(\.name)))
    for (name, tensor) in tensors {
      let got = try file.tensor(name)
      #expect(got.dtype == tensor.dtype && got.shape == tensor.shape, "\(name)")
      try tensor.withUnsafeBytes { expected in
        try got.withUnsafeBytes { got in #expect(got.elementsEqual(expected), "\(name)") }
      }
    }
    try file.verify()
  }

  /// Files of other kinds are known by how they begin, and sent to who reads them.
  @Test(arguments: [
    ("PK\u{3}\u{4}", "zip archive"), ("GGUF", "GGUF"), ("\u{1}\u{2}", "header's length"),
  ])
  func otherFilesAreSentToTheirReaders(_ start: String, _ words: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("net.pth")
    let bytes = Array(start.utf8) + [UInt8](repeating: 0xFF, count: 60)
    try Data(bytes).write(to: URL(filePath: path))
    let error = #expect(throws: WeighbridgeError.self) { try NativeWeights.open(path) }
    #expect(error?.code == .malformed)
    #expect(error?.description.contains(words) == true)
    #expect(error?.description.contains("loaded with Weights.load(_:)") == true)
  }

  /// Every tensor whose size allows it begins at a multiple of 64 bytes, every element at one of its
  /// size, and there are no holes.
  @Test func alignment() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    try NativeWeights.write(path, manifest: Self.manifest, tensors: Self.tensors())
    let entries = try NativeWeights.open(path).entries
    var end = try #require(entries.first).byteOffset
    #expect(end % 64 == 0)
    for entry in entries {
      #expect(entry.byteOffset == end, "\(entry.name)")
      #expect(entry.byteOffset % entry.dtype.byteCount == 0, "\(entry.name)")
      if entry.byteCount % 64 == 0 { #expect(entry.byteOffset % 64 == 0, "\(entry.name)") }
      end += entry.byteCount
    }
  }

  /// Equal input gives equal bytes.
  @Test func isReproducible() throws {
    let directory = try TemporaryDirectory()
    for name in ["a", "b"] {
      try NativeWeights.write(
        directory.path(name), manifest: Self.manifest, tensors: Self.tensors())
    }
    #expect(try directory.data("a") == directory.data("b"))
  }

  /// A changed bit in any tensor is found, and named.
  @Test func verifyFindsDamage() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    try NativeWeights.write(path, manifest: Self.manifest, tensors: Self.tensors())
    let bytes = try directory.data("model")
    for entry in try NativeWeights.open(path).entries where entry.byteCount > 0 {
      for offset in [entry.byteOffset, entry.byteOffset + entry.byteCount - 1] {
        var damaged = bytes
        damaged[offset] ^= 0x10
        try damaged.write(to: URL(filePath: path))
        let error = #expect(throws: WeighbridgeError.self) {
          try NativeWeights.open(path).verify()
        }
        #expect(error?.entry == entry.name)
        #expect(error?.file == path)
        #expect(error?.code == .malformed)
      }
    }
  }

  /// Cut off anywhere, or with any byte of the header changed, it is refused or verifies: never a trap.
  @Test func damageIsSurvived() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    try NativeWeights.write(path, manifest: Self.manifest, tensors: Self.tensors())
    let bytes = try directory.data("model")
    for length in stride(from: 0, to: bytes.count, by: 17) {
      try bytes.prefix(length).write(to: URL(filePath: path))
      #expect(throws: WeighbridgeError.self) { try NativeWeights.open(path) }
    }
    for position in stride(from: 0, to: bytes.count, by: 5) {
      for mask in [0x01, 0xff] as [UInt8] {
        var damaged = bytes
        damaged[position] ^= mask
        try damaged.write(to: URL(filePath: path))
        do {
          try NativeWeights.open(path).verify()
        } catch let error as WeighbridgeError {
          #expect(error.file == path)
        }
      }
    }
  }

  @Test func otherSafetensorsFilesAreNoNativeOnes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("plain")
    let writer = try SafetensorsWriter(path: path, tensors: [])
    try writer.finish()
    let error = #expect(throws: WeighbridgeError.self) { try NativeWeights.open(path) }
    #expect(error?.message.contains("not a native weight file") == true)
  }

  @Test func laterVersionsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("later")
    let writer = try SafetensorsWriter(
      path: path, tensors: [], metadata: ["weighbridge.format_version": "3"])
    try writer.finish()
    let error = #expect(throws: WeighbridgeError.self) { try NativeWeights.open(path) }
    #expect(error?.code == .unsupported)
  }

  /// Another configuration, id, name, dtype or shape than what was written.
  @Test(arguments: [
    ("\\\"depth\\\": 6", "\\\"depth\\\": 3"), ("\"vit\"", "\"vis\""), ("digits", "digita"),
    ("\"fc.bias\":{", "\"fc.bia_\":{"), ("[4,24]", "[24,4]"), ("\"I64\"", "\"U64\""),
    ("vit.npz", "vit.npy"), ("format_version", "format_versiom"),
    ("weighbridge.metadata.sha256", "weighbridge.metadata.sha257"),
  ])
  func changedMetadataIsRefused(_ text: String, _ other: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    try NativeWeights.write(path, manifest: Self.manifest, tensors: Self.tensors())
    #expect(try NativeWeights.open(path).hasMetadataSum)
    var bytes = try directory.data("model")
    let range = try #require(bytes.range(of: Data(text.utf8)))
    bytes.replaceSubrange(range, with: Data(other.utf8))
    try bytes.write(to: URL(filePath: path))
    let error = #expect(throws: WeighbridgeError.self) { try NativeWeights.open(path) }
    #expect(error?.code == .malformed && error?.file == path)
  }

  /// A file as earlier versions wrote it, without a sum of its metadata; one of today's that lost its sum
  /// is another thing.
  @Test func earlierFilesOpen() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    try NativeWeights.write(path, manifest: Self.manifest, tensors: Self.tensors())
    let file = try SafetensorsFile(path: path)
    var metadata = file.metadata
    #expect(metadata.removeValue(forKey: "weighbridge.metadata.sha256") != nil)
    let old = directory.path("old")
    func write() throws {
      let writer = try SafetensorsWriter(
        path: old,
        tensors: file.entries.map {
          TensorDescription(name: $0.name, dtype: $0.dtype, shape: $0.shape)
        }, metadata: metadata)
      for entry in file.entries { try writer.add(entry.name, file.tensor(entry.name)) }
      try writer.finish()
    }
    try write()
    let lost = #expect(throws: WeighbridgeError.self) { try NativeWeights.open(old) }
    #expect(lost?.code == .malformed && lost?.message.contains("checksum is gone") == true)
    metadata["weighbridge.format_version"] = "1"
    try write()
    let native = try NativeWeights.open(old)
    #expect(!native.hasMetadataSum && native.manifest == Self.manifest.withFormat)
    try native.verify()
    // But nothing that no version wrote.
    metadata["weighbridge.metadata.sha257"] = ""
    try write()
    #expect(throws: WeighbridgeError.self) { try NativeWeights.open(old) }
  }

  /// Two names that only Swift's comparison of texts makes equal are two tensors.
  @Test func namesAreBytes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    let tensors = try ["caf\u{e9}", "cafe\u{301}"].enumerated().map { index, name in
      (name: name, tensor: try Tensor([Float(index)], shape: [1]))
    }
    try NativeWeights.write(path, manifest: Self.manifest, tensors: tensors)
    let file = try NativeWeights.open(path)
    try file.verify()
    for (name, tensor) in tensors {
      #expect(try file.tensor(name).elements(as: Float.self) == tensor.elements(as: Float.self))
    }
  }

  @Test func unknownNames() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("model")
    try NativeWeights.write(path, manifest: Self.manifest, tensors: Self.tensors())
    let error = #expect(throws: WeighbridgeError.self) {
      try NativeWeights.open(path).tensor("nothing")
    }
    #expect(error?.code == .mapping)
  }

  @Test func unfinishedLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    let plan = [TensorDescription(name: "a", dtype: .float32, shape: [1])]
    do {
      let writer = try NativeWeightsWriter(
        directory.path("model"), manifest: Self.manifest, tensors: plan)
      #expect(directory.names.count == 1)
      #expect(throws: WeighbridgeError.self) { try writer.finish() }
    }
    #expect(directory.names.isEmpty)
  }
}

extension NativeManifest {
  /// With the note that every file has.
  fileprivate var withFormat: NativeManifest {
    var copy = self
    copy.notes["format"] = "pt"
    return copy
  }
}
