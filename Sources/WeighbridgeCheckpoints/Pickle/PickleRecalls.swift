/// Which values of a pickle's memo are ever asked for again. Python's pickler keeps every container and
/// text that it writes, and asks for few of them: what is not asked for need not be kept.
struct PickleRecalls {
  /// The keys that are asked for.
  private var keys: Set<Int> = []
  /// Whether values are kept by key and by order at once, as no pickler does: then everything is.
  let isMixed: Bool

  /// - Parameter reader: Where the pickle begins. A damaged one is looked at as far as it can be read.
  init(_ reader: PickleReader) {
    var reader = reader
    var (byKey, byOrder) = (false, false)
    while let opcode = try? reader.byte(), opcode != UInt8(ascii: ".") {
      do {
        if try reader.plainValue(opcode) != nil { continue }
        switch opcode {
        case UInt8(ascii: "g"): keys.insert(try reader.decimal())
        case UInt8(ascii: "h"): keys.insert(Int(try reader.byte()))
        case UInt8(ascii: "j"): keys.insert(try reader.length(4))
        case UInt8(ascii: "p"): (byKey, _) = (true, try reader.line())
        case UInt8(ascii: "q"): (byKey, _) = (true, try reader.byte())
        case UInt8(ascii: "r"): (byKey, _) = (true, try reader.bytes(4))
        case 0x94: byOrder = true
        case 0x80: _ = try reader.byte()
        case 0x95: _ = try reader.bytes(8)
        case UInt8(ascii: "P"): _ = try reader.line()
        case UInt8(ascii: "c"), UInt8(ascii: "i"): _ = try (reader.line(), reader.line())
        default: break  // nothing follows, or whoever runs it says that it is not known
        }
      } catch {
        break
      }
    }
    isMixed = byKey && byOrder
  }

  func contains(_ key: Int) -> Bool { isMixed || keys.contains(key) }
}
