import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// Files that Keras, ONNX and GGUF's own packages wrote, by `tools/make-framework-fixtures`.
@Suite struct FrameworkTests {
  static let folders = ["gguf", "onnx"]
  static let expected: [String: [String: Fixtures.Expected]] = Dictionary(
    uniqueKeysWithValues: folders.flatMap { folder in
      let files = try? Fixtures.load(
        "\(folder)/expected.json", as: [String: [String: Fixtures.Expected]].self)
      return (files ?? [:]).map { ("\(folder)/\($0.key)", $0.value) }
    })
  static let names = expected.keys.sorted()

  @Test func fixturesAreThere() { #expect(Self.names.count == 6) }

  /// Names, dtypes, shapes and every value are as the framework saw them.
  @Test(arguments: names) func holdsWhatItsFrameworkSaw(_ name: String) throws {
    let expected = try #require(Self.expected[name])
    let tensors = try Fixtures.readAll(Fixtures.path(name))
    #expect(Set(tensors.keys) == Set(expected.keys))
    for (entry, tensor) in tensors {
      if let expected = expected[entry] { try tensor.expect(expected, entry) }
    }
  }

  @Test func whatIsNoTensorOfONNXIsListed() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("onnx/types.onnx"))
    #expect(checkpoint.format == .onnx)
    #expect(
      checkpoint.metadata["epoch"] == "12" && checkpoint.metadata["doc_string"] == "all dtypes")
    let reasons = Dictionary(
      uniqueKeysWithValues: checkpoint.skipped.map { ($0.name, $0.reason) })
    #expect(
      reasons.mapValues(\.kind) == [
        "outside": .link, "text": .text, "complex": .dtype, "nibbles": .dtype, "short": .damaged,
      ])
    #expect(
      reasons["outside"]?.clause
        == "its values lie in another file ('../secret.bin'), which is never opened")
    #expect(checkpoint.entry("raw.float32")?.storage == .inPlace)
    #expect(throws: WeighbridgeError.self) { try checkpoint.tensor("outside") }
  }

  @Test func whatIsQuantisedOfGGUFIsListed() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("gguf/types.gguf"))
    #expect(checkpoint.format == .gguf)
    #expect(checkpoint.metadata["general.architecture"] == "test")
    #expect(checkpoint.metadata["test.block_count"] == "2")
    #expect(checkpoint.metadata["test.epsilon"] == "1e-05")
    #expect(checkpoint.metadata["test.flag"] == "true")
    #expect(checkpoint.metadata["general.name"] == "é")
    #expect(checkpoint.entries.allSatisfy { $0.storage == .inPlace })
    #expect(checkpoint.skipped.map(\.name) == ["quantised"])
    #expect(checkpoint.skipped.first?.reason.kind == .dtype)
    #expect(
      checkpoint.skipped.first?.reason.clause == "is quantised as Q8_0, which is not read")
    let swapped = try Checkpoints.open(Fixtures.path("gguf/big-endian.gguf"))
    #expect(swapped.entry("half")?.storage == .copied("big-endian"))
  }

  /// Cut off at every length, and with every byte changed: refused or read, and nothing else.
  @Test(arguments: names) func damageIsSurvived(_ name: String) throws {
    try DamageSweep(name).run()
  }
}

/// Damaged copies of a fixture, each opened and read whole.
struct DamageSweep {
  let bytes: Data
  private let directory: TemporaryDirectory
  private let step: Int

  init(_ name: String, count: Int = 250) throws {
    bytes = try Data(contentsOf: URL(filePath: Fixtures.path(name)))
    directory = try TemporaryDirectory()
    step = SweepTests.isExhaustive ? 1 : max(1, bytes.count / count)
  }

  func run() throws {
    for position in stride(from: 0, to: bytes.count, by: step) {
      try read(bytes.prefix(position))
      for change in [0xff, 0x01, 0x80] as [UInt8] {
        var copy = bytes
        copy[position] ^= change
        try read(copy)
      }
    }
  }

  private func read(_ bytes: Data) throws {
    let path = directory.path("damaged")
    try bytes.write(to: URL(filePath: path))
    func expectRefusal(_ error: WeighbridgeError) {
      #expect(error.code.exitStatus == 3 && error.file == path, "\(error)")
      #expect(!error.description.contains("\n"))
    }
    do {
      let checkpoint = try Checkpoints.open(path)
      for entry in checkpoint.entries {
        do {
          let tensor = try checkpoint.tensor(entry.name).contiguous()
          #expect(tensor.shape == entry.shape && tensor.dtype == entry.dtype)
        } catch let error as WeighbridgeError {
          expectRefusal(error)
        }
      }
    } catch let error as WeighbridgeError {
      expectRefusal(error)
    }
  }
}

/// Files that ask for more than they have. Each is refused in one line, and nothing is allocated for
/// what is not there.
@Suite struct HostileFrameworkTests {
  private static func u32(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
  private static func u64(_ value: UInt64) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
  private static func text(_ text: String) -> [UInt8] { u64(UInt64(text.utf8.count)) + text.utf8 }

  private static func gguf(
    tensors: UInt64 = 0, values: UInt64 = 0, version: UInt32 = 3, _ body: [UInt8] = []
  ) -> [UInt8] {
    Array("GGUF".utf8) + u32(version) + u64(tensors) + u64(values) + body
  }

  private static func ggufTensor(
    _ extents: [UInt64], type: UInt32 = 0, offset: UInt64 = 0, name: String = "w"
  ) -> [UInt8] {
    text(name) + u32(UInt32(extents.count)) + extents.flatMap(u64) + u32(type) + u64(offset)
  }

  /// Arrays in arrays, a thousand deep.
  private static let deepArray = (0..<1000).flatMap { _ in u32(9) + u64(1) }

  static let refused: [(String, [UInt8], String)] = [
    ("version", gguf(version: 9), "is GGUF of version 9, which is not known"),
    ("no counts", Array("GGUF".utf8) + u32(3), "its header is cut off"),
    ("tensors", gguf(tensors: 1 << 60), "promises 1152921504606846976 tensors"),
    ("values", gguf(values: .max), "promises 18446744073709551615 values"),
    ("text", gguf(values: 1, u64(.max) + u32(4) + u32(1)), "bytes of text"),
    (
      "array", gguf(values: 1, text("a") + u32(9) + u32(8) + u64(1 << 40)), "1099511627776 elements"
    ),
    ("deep", gguf(values: 1, text("a") + u32(9) + deepArray), "its arrays are too deep"),
    ("type", gguf(values: 1, text("a") + u32(99) + u64(0)), "of type 99"),
    (
      "alignment", gguf(values: 1, text("general.alignment") + u32(4) + u32(3)), "alignment is 3"
    ),
    ("axes", gguf(tensors: 1, text("w") + u32(65) + u64(1) + u64(1)), "has 65 axes"),
    ("no graph", [8, 8, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f], "ends in the middle"),
    ("two graphs", [8, 8, 0x3a, 0, 0x3a, 0], "it has several graphs"),
    ("long number", [8, 8, 0x3a, 0] + [UInt8](repeating: 0xff, count: 11), "longer than 64 bits"),
    ("group", [8, 8, 0x3a, 2, 0x2b, 0], "a kind that is not known"),
  ]

  @Test(arguments: refused) func isRefused(_ name: String, _ bytes: [UInt8], _ says: String) throws
  {
    let directory = try TemporaryDirectory()
    let error = #expect(throws: WeighbridgeError.self) { try directory.open(bytes) }
    #expect(error?.description.contains(says) == true, "\(name): \(String(describing: error))")
    #expect(error?.code.exitStatus == 3)
  }

  /// What is wrong with one tensor is its own reason; a whole one beside it is read.
  @Test(
    arguments: [
      ([1 << 40, 1 << 40], 0, 0), ([1 << 62], 0, 0), ([4], 0, 1 << 62), ([4], 0, 4096),
      ([1000], 0, 0),
      ([.max], 0, 0), ([4], 77, 0), ([4], 2, .max),
    ] as [([UInt64], UInt32, UInt64)])
  func aTensorThatCannotBeIsListed(_ extents: [UInt64], _ type: UInt32, _ offset: UInt64) throws {
    let header = Self.gguf(
      tensors: 2,
      Self.ggufTensor(extents, type: type, offset: offset) + Self.ggufTensor([2], name: "good"))
    let padding = [UInt8](repeating: 0, count: (32 - header.count % 32) % 32)
    let bytes = header + padding + Self.u32(Float(1).bitPattern) + Self.u32(Float(2).bitPattern)
    let checkpoint = try TemporaryDirectory().open(bytes)
    #expect(checkpoint.skipped.map(\.name) == ["w"])
    #expect(try checkpoint.tensor("good").elements(as: Float.self) == [1, 2])
  }

  /// Extents that multiply beyond any memory, and more axes than there are, in a message of a few bytes.
  @Test(
    arguments: [
      [0x08, 0xff, 0xff, 0xff, 0xff, 0x07, 0x08, 0xff, 0xff, 0xff, 0xff, 0x07],
      [UInt8](repeating: 0x08, count: 200).enumerated().map { $0.offset % 2 == 0 ? 0x08 : 0x01 },
      [0x0a, 0x0a] + [UInt8](repeating: 0xff, count: 9) + [0x01],
      [0x08, 0x01], [0x22, 0x03, 0, 0, 0], [0x08, 0x05, 0x4a, 0x7f],
    ] as [[UInt8]])
  func anInitialiserThatCannotBeIsListed(_ fields: [UInt8]) throws {
    let message = fields + [0x10, 0x01]
    let graph =
      [0x2a, UInt8(truncatingIfNeeded: message.count | (message.count > 127 ? 0x80 : 0))]
      + (message.count > 127 ? [UInt8(message.count >> 7)] : []) + message
    let size = graph.count
    let bytes = [0x08, 0x08, 0x3a, UInt8(size & 0x7f | 0x80), UInt8(size >> 7)] + graph
    let checkpoint = try TemporaryDirectory().open(bytes)
    #expect(checkpoint.entries.isEmpty && checkpoint.skipped.count == 1)
    #expect(checkpoint.skipped.first?.reason.kind == .damaged)
  }
}
