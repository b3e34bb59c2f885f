import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// What a PyTorch file says of its storages beside their bytes: how many elements they have, and in
/// which order their bytes are.
@Suite("Storages of PyTorch's files")
struct PyTorchStorageTests {
  /// `{"w": a float32 tensor of two elements}`, whose storage has `count` of them, as a pickle of
  /// protocol 2. `view` is what legacy files say of a storage that is a part of another.
  private static func pickle(count: UInt8, view: [UInt8] = []) -> [UInt8] {
    func text(_ text: String) -> [UInt8] {
      [UInt8(ascii: "X"), UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8)
    }
    func number(_ value: UInt8) -> [UInt8] { [UInt8(ascii: "K"), value] }
    let id =
      Array("(".utf8) + text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0")
      + text("cpu") + number(count) + view + Array("tQ".utf8)
    let shape = Array("(".utf8) + number(2) + Array("t(".utf8) + number(1) + Array("t".utf8)
    let tensor = Array("ctorch._utils\n_rebuild_tensor_v2\n(".utf8) + id + number(0) + shape
    return [0x80, 2] + Array("}".utf8) + text("w") + tensor + [0x89] + Array(")tRs.".utf8)
  }

  private static let content: [UInt8] = [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]  // 1, 2
  private static let swapped: [UInt8] = [0x3f, 0x80, 0, 0, 0x40, 0, 0, 0]

  private static func archive(
    count: UInt8 = 2, content: [UInt8] = content, order: String? = "little"
  ) -> [UInt8] {
    var zip = CraftedZip(.init("a/data.pkl", pickle(count: count)), .init("a/data/0", content))
    if let order { zip.entries.append(.init("a/byteorder", Array(order.utf8))) }
    return zip.bytes
  }

  private static func legacy(count: UInt8, written: UInt8, view: [UInt8] = []) -> [UInt8] {
    let magic: [UInt8] = [
      0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
    ]
    let version: [UInt8] = [0x80, 2, UInt8(ascii: "M"), 0xe9, 3, 0x2e]
    let system = [0x80, 2] + Array("}.".utf8)
    let keys = [0x80, 2] + Array("]U\u{1}0a.".utf8)
    return magic + version + system + pickle(count: count, view: view) + keys
      + [written, 0, 0, 0, 0, 0, 0, 0] + content
  }

  private func values(_ bytes: [UInt8]) throws -> [Float] {
    try TemporaryDirectory().open(bytes).tensor("w").elements(as: Float.self)
  }

  @Test(arguments: ["little", nil] as [String?]) func whatIsRightIsRead(_ order: String?) throws {
    #expect(try values(Self.archive(order: order)) == [1, 2])
    #expect(try values(Self.archive(content: Self.swapped, order: "big")) == [1, 2])
    #expect(try values(Self.legacy(count: 2, written: 2)) == [1, 2])
  }

  @Test(arguments: ["", "Big", "big ", "little\n", "middle", "bigger"])
  func anOrderOfBytesThatThereIsNotIsSaid(_ order: String) throws {
    let error = #expect(throws: WeighbridgeError.self) { try values(Self.archive(order: order)) }
    #expect(error?.entry == "a/byteorder")
    #expect(error?.message == "the byte order '\(order)' is neither 'little' nor 'big'")
  }

  @Test(arguments: [0, 1, 3, 255] as [UInt8]) func aSizeThatIsNotTheStoragesIsSaid(
    _ count: UInt8
  ) throws {
    for bytes in [Self.archive(count: count), Self.legacy(count: count, written: 2)] {
      let checkpoint = try TemporaryDirectory().open(bytes)
      #expect(
        checkpoint.skipReason(of: "w")?.clause
          == "its storage '0' has 8 bytes, and the pickle says \(count) of float32")
      #expect(throws: WeighbridgeError.self) { try checkpoint.tensor("w") }
    }
  }

  /// A storage of bytes that was made for smaller elements may have some left over.
  @Test func bytesThatMakeNoElementMayBeLeftOver() throws {
    #expect(try values(Self.archive(content: Self.content + [7, 7, 7])) == [1, 2])
    let checkpoint = try TemporaryDirectory().open(
      Self.archive(content: Self.content + [7, 7, 7, 7]))
    #expect(checkpoint.skipReason(of: "w")?.kind == .damaged)
  }

  /// A tensor that lies in its storage, but not in the part of it that it is said to view.
  @Test func aTensorBeyondItsViewIsSaid() throws {
    func view(_ start: UInt8, _ count: UInt8) -> [UInt8] {
      Array("(U\u{1}vK".utf8) + [start, UInt8(ascii: "K"), count, UInt8(ascii: "t")]
    }
    #expect(try values(Self.legacy(count: 2, written: 2, view: view(0, 2))) == [1, 2])
    for (start, count) in [(0, 1), (1, 1), (0, 3), (2, 1)] as [(UInt8, UInt8)] {
      let bytes = Self.legacy(count: 2, written: 2, view: view(start, count))
      #expect(throws: WeighbridgeError.self) { try values(bytes) }
    }
  }
}
