import WeighbridgeWeights

/// HDF5's checksum of its own structures: Bob Jenkins' `lookup3`, as the specification names it.
enum Lookup3 {
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var a = 0xdead_beef &+ UInt32(truncatingIfNeeded: bytes.count)
    var (b, c) = (a, a)
    var position = 0
    while bytes.count - position > 12 {
      a &+= bytes.littleEndian(at: position) ?? 0
      b &+= bytes.littleEndian(at: position + 4) ?? 0
      c &+= bytes.littleEndian(at: position + 8) ?? 0
      mix(&a, &b, &c)
      position += 12
    }
    guard position < bytes.count else { return c }
    var tail: (UInt32, UInt32, UInt32) = (0, 0, 0)
    for index in 0..<(bytes.count - position) {
      let value = UInt32(bytes[position + index]) << UInt32(index % 4 * 8)
      switch index / 4 {
      case 0: tail.0 |= value
      case 1: tail.1 |= value
      default: tail.2 |= value
      }
    }
    a &+= tail.0
    b &+= tail.1
    c &+= tail.2
    finish(&a, &b, &c)
    return c
  }

  private static func rotated(_ x: UInt32, _ count: UInt32) -> UInt32 {
    x << count | x >> (32 - count)
  }

  private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    a = (a &- c) ^ rotated(c, 4)
    c &+= b
    b = (b &- a) ^ rotated(a, 6)
    a &+= c
    c = (c &- b) ^ rotated(b, 8)
    b &+= a
    a = (a &- c) ^ rotated(c, 16)
    c &+= b
    b = (b &- a) ^ rotated(a, 19)
    a &+= c
    c = (c &- b) ^ rotated(b, 4)
    b &+= a
  }

  private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    c = (c ^ b) &- rotated(b, 24)
  }
}
