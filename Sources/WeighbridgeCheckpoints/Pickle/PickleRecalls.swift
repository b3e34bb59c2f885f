/// Which values of a pickle's memo are ever asked for again. Python's pickler keeps every container and
/// text that it writes, and asks for few of them: what is not asked for need not be kept.
struct PickleRecalls {
  /// The keys that are asked for.
  private var keys: Set<Int> = []
  /// Whether values are kept by key and by order at once, as no pickler does: then everything is.
  private(set) var isMixed = false

  /// - Parameters:
  ///   - bytes: What holds the pickle.
  ///   - start: Where the pickle begins. A damaged one is looked at as far as it can be read.
  init(_ bytes: UnsafeRawBufferPointer, at start: Int) {
    var reader = PickleReader(bytes, at: start)
    var (byKey, byOrder) = (false, false)
    while let opcode = try? reader.byte(), opcode != UInt8(ascii: ".") {
      do {
        switch opcode {
        case UInt8(ascii: "g"): keys.insert(try reader.decimal())
        case UInt8(ascii: "h"): keys.insert(Int(try reader.byte()))
        case UInt8(ascii: "j"): keys.insert(try reader.length(4))
        case 0x94: byOrder = true
        case UInt8(ascii: "p"), UInt8(ascii: "q"), UInt8(ascii: "r"):
          byKey = true
          _ = try reader.skipOperand(of: opcode)
        default: guard try reader.skipOperand(of: opcode) else { return }
        }
      } catch {
        break
      }
    }
    isMixed = byKey && byOrder
  }

  func contains(_ key: Int) -> Bool { isMixed || keys.contains(key) }
}

extension PickleReader {
  /// Passes over what follows an opcode; `false` for one that is not known.
  ///
  /// - Throws: `malformed` where the pickle ends.
  fileprivate mutating func skipOperand(of opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "K"), UInt8(ascii: "q"), 0x80: _ = try bytes(1)
    case UInt8(ascii: "M"): _ = try bytes(2)
    case UInt8(ascii: "J"), UInt8(ascii: "r"): _ = try bytes(4)
    case UInt8(ascii: "G"), 0x95: _ = try bytes(8)
    case UInt8(ascii: "U"), UInt8(ascii: "C"), 0x8a, 0x8c: _ = try bytes(Int(byte()))
    case UInt8(ascii: "T"), UInt8(ascii: "X"), UInt8(ascii: "B"), 0x8b: _ = try bytes(length(4))
    case 0x8d, 0x8e, 0x96: _ = try bytes(length(8))
    case UInt8(ascii: "c"), UInt8(ascii: "i"):
      try skipLine()
      try skipLine()
    default:
      if PickleReader.ofOneLine.contains(opcode) {
        try skipLine()
      } else {
        return PickleReader.alone.contains(opcode)
      }
    }
    return true
  }

  private static let ofOneLine = Set("IFLSVpP".utf8)
  private static let alone = Set("(012N)t]l}daesuRboQ".utf8).union([
    0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93,
  ])
}
