import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

@Suite("Files of torch.save, in both forms")
struct PyTorchTests {
  static let expected =
    (try? Fixtures.load("pytorch/expected.json", as: [String: [String: Fixtures.Expected]].self))
    ?? [:]
  static let names = expected.keys.sorted()

  @Test func fixturesAreThere() { #expect(Self.names.count == 20) }

  /// Every dtype, view, container and form reads as PyTorch saw it.
  @Test(arguments: names) func holdsWhatPyTorchSaw(_ name: String) throws {
    let expected = try #require(Self.expected[name])
    let tensors = try Fixtures.readAll(Fixtures.path("pytorch/\(name)"))
    #expect(Set(tensors.keys) == Set(expected.keys))
    for (entry, tensor) in tensors {
      if let expected = expected[entry] { try tensor.expect(expected, entry) }
    }
  }

  @Test(arguments: ["training.pth", "training-legacy.pth"])
  func whatTravelsBesideIsMetadata(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("pytorch/\(name)"))
    #expect(checkpoint.format == .pytorch)
    #expect(checkpoint.metadata["epoch"] == "12")
    #expect(checkpoint.metadata["arch"] == "net")
    #expect(checkpoint.metadata["arguments.lr"] == "0.1")
  }

  @Test func storagesAreUsedInPlaceAndStayShared() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("pytorch/training.pth"))
    #expect(
      checkpoint.entries.filter { $0.name != "numpy" && $0.name != "score" }
        .allSatisfy { $0.storage == .inPlace })
    let (a, b) = (try checkpoint.tensor("tied.0"), try checkpoint.tensor("tied.1"))
    let addresses = try [a, b].map { try $0.withUnsafeBytes { Int(bitPattern: $0.baseAddress) } }
    #expect(addresses[0] == addresses[1])
  }

  /// A key with a dot and a nested dictionary may read as one name: it is listed with its reason, and
  /// what stands behind it is still found.
  @Test func namesThatMeetAreUsableUnderNone() throws {
    let checkpoint = try Checkpoints.open(Fixtures.path("pytorch/twice.pth"))
    #expect(checkpoint.entries.map(\.name) == ["c"])
    #expect(checkpoint.skipped.map(\.name) == ["a.b"])
    #expect(try checkpoint.tensor("c").elements(as: Float.self) == [3, 4])
    #expect(throws: WeighbridgeError.self) { try checkpoint.tensor("a.b") }
  }

  /// Cut off at every length, and with every byte changed: refused or read, and nothing else.
  @Test(arguments: names) func damageIsRefused(_ name: String) throws {
    let bytes = try Data(contentsOf: URL(filePath: Fixtures.path("pytorch/\(name)")))
    let directory = try TemporaryDirectory()
    let step = SweepTests.isExhaustive ? 1 : max(1, bytes.count / 120)
    for position in stride(from: 0, to: bytes.count, by: step) {
      try read(bytes.prefix(position), directory)
      for change in [0xff, 0x01, 0x80] as [UInt8] {
        var copy = bytes
        copy[position] ^= change
        try read(copy, directory)
      }
    }
  }

  private func read(_ bytes: Data, _ directory: TemporaryDirectory) throws {
    let path = directory.path("damaged.pth")
    try bytes.write(to: URL(filePath: path))
    do {
      let checkpoint = try Checkpoints.open(path)
      for entry in checkpoint.entries {
        do {
          _ = try checkpoint.tensor(entry.name).contiguous()
        } catch let error as WeighbridgeError {
          #expect(error.code.exitStatus == 3, "\(error)")
        }
      }
    } catch let error as WeighbridgeError {
      #expect(error.code.exitStatus == 3, "\(error)")
    }
  }
}

@Suite("Pickles that nobody should run")
struct PickleTests {
  private static func run(_ bytes: [UInt8]) throws -> (PickleHeap, PickleValue) {
    try bytes.withUnsafeBytes {
      var machine = PickleMachine($0)
      let (value, _) = try machine.run()
      return (machine.heap, value)
    }
  }

  private static func walk(_ bytes: [UInt8]) throws -> TorchWalk.Findings {
    let (heap, value) = try run(bytes)
    return try TorchWalk(value, in: heap, byteCount: bytes.count).findings
  }

  /// What would call `os.system` is a name and an argument.
  @Test func nothingIsCalled() throws {
    let (heap, value) = try Self.run(Array("cos\nsystem\n(S'touch /tmp/x'\ntR.".utf8))
    let node = try #require(heap.node(value))
    guard case .object(let global, let arguments) = node.kind else {
      Issue.record("no object")
      return
    }
    #expect(global.qualified == "os.system")
    #expect(heap.sequence(arguments)?.first?.text == "touch /tmp/x")
  }

  /// Containers in themselves end, and so do those that double with every level.
  @Test func circlesAndBombsEnd() throws {
    let circle: [UInt8] = Array("}q\u{0}U\u{1}ah\u{0}s.".utf8)
    #expect(try Self.walk(circle).tensors.isEmpty)
    var bomb: [UInt8] = [0x80, 2] + Array("]q\u{0}".utf8)
    for level in 1...60 as ClosedRange<UInt8> {
      bomb += Array("]q".utf8) + [level] + Array("(h".utf8) + [level - 1] + Array("h".utf8)
      bomb += [level - 1] + Array("e0h".utf8) + [level]
    }
    bomb.append(UInt8(ascii: "."))
    #expect(throws: WeighbridgeError.self) { try Self.walk(bomb) }
  }

  /// Values in each other are freed without recursion, and beyond what Python writes they are refused.
  @Test func depthIsNoMatterAndHasAnEnd() throws {
    func nested(_ count: Int) -> [UInt8] {
      [UInt8(ascii: "N")] + [UInt8](repeating: 0x85, count: count) + [UInt8(ascii: ".")]
    }
    #expect(try Self.walk(nested(10_000)).tensors.isEmpty)
    let lists = [UInt8](repeating: UInt8(ascii: "]"), count: 20_000)
    let closed = lists + [UInt8](repeating: UInt8(ascii: "a"), count: 19_999)
    for bytes in [nested(10_001), closed + [UInt8(ascii: ".")]] {
      let error = #expect(throws: WeighbridgeError.self) { try Self.run(bytes) }
      #expect(error?.message.contains("more than 10000 values lie in each other") == true)
    }
  }

  @Test(
    arguments: [
      [], [0x80], [0x85, 0x2e], Array("(.".utf8), Array("h\u{1}.".utf8), Array("NNR.".utf8),
      Array("NNs.".utf8), Array("}(Nu.".utf8), Array("NNb.".utf8), [0x93, 0x2e],
      [0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x2e], Array("Ix\n.".utf8),
      Array("Lz\n.".utf8), Array("Fq\n.".utf8), Array("g-\n.".utf8), Array("NNNN".utf8), [0xff],
    ] as [[UInt8]])
  func whatIsNoPickleIsSaid(_ bytes: [UInt8]) {
    let error = #expect(throws: WeighbridgeError.self) { try Self.run(bytes) }
    #expect(error?.code.exitStatus == 3)
  }

  @Test func numbersReadAsPythonWroteThem() throws {
    let examples: [([UInt8], Double)] = [
      (Array("I-12\n.".utf8), -12), (Array("L7L\n.".utf8), 7), (Array("F0.25\n.".utf8), 0.25),
      ([UInt8(ascii: "K"), 255, 0x2e], 255), ([UInt8(ascii: "M"), 0, 1, 0x2e], 256),
      ([UInt8(ascii: "J"), 0xfe, 0xff, 0xff, 0xff, 0x2e], -2), ([0x8a, 1, 0xff, 0x2e], -1),
      ([0x8a, 2, 0xff, 0, 0x2e], 255), ([0x8a, 0, 0x2e], 0),
      ([UInt8(ascii: "G"), 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0x2e], 0.5),
    ]
    for (bytes, expected) in examples {
      switch try Self.run(bytes).1 {
      case .int(let value): #expect(Double(value) == expected)
      case .float(let value): #expect(value == expected)
      default: Issue.record("no number: \(bytes)")
      }
    }
  }
}
