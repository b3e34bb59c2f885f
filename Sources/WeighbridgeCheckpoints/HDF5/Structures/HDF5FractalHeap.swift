import WeighbridgeTensors

/// A fractal heap: links and attributes of objects that have many (specification III.G).
///
/// Its objects lie in one address space, which is cut into rows of blocks: the first two rows of the
/// smallest size, every other of twice the size of the one before. Rows up to a largest size are of
/// direct blocks, which hold objects; those beyond are of indirect blocks, which hold rows again.
struct HDF5FractalHeap {
  private let file: HDF5Structure
  private let header: Int
  private let width: Int
  private let firstSize: Int
  private let largestDirect: Int
  /// The bytes of an offset within the heap, and of an object's length.
  private let offsetWidth: Int
  private let lengthWidth: Int
  private let idLength: Int
  private let areBlocksSummed: Bool
  private let root: Int?
  /// 0 when the root is a direct block.
  private let rootRows: Int
  private let hugeTree: Int?
  /// The blocks whose checksums were found right.
  private let checked: Checked

  private final class Checked {
    var blocks: Set<Int> = []
  }

  init(_ file: HDF5Structure, at header: Int) throws {
    self.file = file
    self.header = header
    checked = Checked()
    let (o, l) = (file.offsetSize, file.lengthSize)
    try file.expect("FRHP", at: header)
    guard try file.u16(header + 7) == 0 else {
      throw HDF5Unreadable(
        .encoding, "keeps its links or attributes compressed, which is not read",
        remedy: "Copy the file with h5repack")
    }
    try file.expectSummed("FRHP", at: header, count: 26 + 12 * l + 3 * o)
    idLength = try file.u16(header + 5)
    areBlocksSummed = try file.u8(header + 9) & 2 != 0
    let mostManaged = try file.u32(header + 10)
    hugeTree = try file.optionalAddress(header + 14 + l)
    let table = header + 14 + 10 * l + 2 * o
    width = try file.u16(table)
    firstSize = try file.length(table + 2)
    largestDirect = try file.length(table + 2 + l)
    let bits = try file.u16(table + 2 + 2 * l)
    root = try file.optionalAddress(table + 6 + 2 * l)
    rootRows = try file.u16(table + 6 + 2 * l + o)
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard isPower(width), isPower(firstSize), isPower(largestDirect), firstSize <= largestDirect,
      largestDirect <= 1 << 31, bits <= 64, rootRows <= 64, width <= 1 << 16
    else { throw HDF5Structure.damaged("a heap's header is wrong") }
    offsetWidth = (bits + 7) / 8
    lengthWidth = min(HDF5FractalHeap.bytes(largestDirect), HDF5FractalHeap.bytes(mostManaged))
  }

  /// The bytes that hold a number.
  private static func bytes(_ value: Int) -> Int {
    (Int.bitWidth - max(1, value).leadingZeroBitCount - 1) / 8 + 1
  }

  private var directRows: Int {
    largestDirect.trailingZeroBitCount - firstSize.trailingZeroBitCount + 2
  }

  /// The size of the blocks of a row; `nil` when it overflows.
  private func blockSize(row: Int) -> Int? {
    guard row > 1 else { return firstSize }
    let shift = row - 1
    guard shift + firstSize.trailingZeroBitCount < 62 else { return nil }
    return firstSize << shift
  }

  /// Where an object lies in the file, by its identifier at an offset.
  func object(_ id: Int, count: Int) throws -> (offset: Int, count: Int) {
    guard count >= 1, count == idLength else {
      throw HDF5Structure.damaged("a heap's identifier has another length")
    }
    let flags = try file.u8(id)
    guard flags >> 6 == 0 else { throw HDF5Unreadable.newer("a heap's identifier", flags >> 6) }
    switch flags >> 4 & 3 {
    case 0:
      guard 1 + offsetWidth + lengthWidth <= count else {
        throw HDF5Structure.damaged("a heap's identifier is cut off")
      }
      return try managed(
        at: file.size(id + 1, size: offsetWidth),
        count: file.size(id + 1 + offsetWidth, size: lengthWidth))
    case 1: return try huge(id + 1, count: count - 1)
    case 2:
      let isLong = count - 1 > 16
      let length =
        isLong ? (flags & 15) << 8 | (try file.u8(id + 1)) : flags & 15
      let start = isLong ? 2 : 1
      guard start + length + 1 <= count else {
        throw HDF5Structure.damaged("a heap's identifier is cut off")
      }
      return (id + start, length + 1)
    default: throw HDF5Structure.damaged("a heap's identifier is of an unknown kind")
    }
  }

  /// An object within the heap's blocks.
  private func managed(at place: Int, count: Int) throws -> (offset: Int, count: Int) {
    guard var block = root else { throw HDF5Structure.damaged("a heap has no blocks") }
    var rows = rootRows
    var rest = place
    var size = firstSize
    var start = 0
    while rows > 0 {
      let (row, column, rowSize) = try cell(of: rest, rows: rows)
      try checkIndirect(block, rows: rows, start: start)
      let entry =
        block + 5 + file.offsetSize + offsetWidth
        + (row * width + column) * file.offsetSize
      let before = rowStart(row) + column * rowSize
      rest -= before
      start += before
      block = try file.address(entry)
      size = rowSize
      if row < directRows { break }
      rows =
        rowSize.trailingZeroBitCount - firstSize.trailingZeroBitCount
        - width.trailingZeroBitCount + 1
    }
    try checkDirect(block, size: size, start: start)
    let head = 5 + file.offsetSize + offsetWidth + (areBlocksSummed ? 4 : 0)
    guard rest >= head, rest <= size, count > 0, count <= size - rest else {
      throw HDF5Structure.damaged("an object lies beyond its heap")
    }
    try file.work.charge(count)
    return (block + rest, count)
  }

  /// How much of an indirect block's space lies before a row.
  private func rowStart(_ row: Int) -> Int {
    row == 0 ? 0 : width * firstSize << (row - 1)
  }

  /// The row and the column of the block that holds a place.
  private func cell(of place: Int, rows: Int) throws -> (row: Int, column: Int, size: Int) {
    for row in 0..<rows {
      guard let size = blockSize(row: row),
        size.multipliedReportingOverflow(by: width).overflow == false
      else { break }
      let start = rowStart(row)
      if place < start + width * size { return (row, (place - start) / size, size) }
    }
    throw HDF5Structure.damaged("an object lies beyond its heap")
  }

  private func checkIndirect(_ block: Int, rows: Int, start: Int) throws {
    guard checked.blocks.insert(block).inserted else { return }
    let entries = rows * width * file.offsetSize
    try file.expectSummed(
      "FHIB", at: block, count: 9 + file.offsetSize + offsetWidth + entries)
    try checkOwner(block, start: start)
  }

  private func checkDirect(_ block: Int, size: Int, start: Int) throws {
    guard checked.blocks.insert(block).inserted else { return }
    try file.expect("FHDB", at: block)
    _ = try file.slice(block, size)
    try file.work.charge(size)
    try checkOwner(block, start: start)
    guard areBlocksSummed else { return }
    // The sum is taken with its own field as zeros.
    let field = 5 + file.offsetSize + offsetWidth
    var copy = Array(try file.slice(block, size))
    guard field + 4 <= size else { throw HDF5Structure.damaged("a heap's block is cut off") }
    for index in field..<(field + 4) { copy[index] = 0 }
    let sum = copy.withUnsafeBytes(Lookup3.checksum)
    guard Checksums.agree(UInt32(try file.u32(block + field)), sum) else {
      throw HDF5Structure.damaged("the checksum of a heap's block is another")
    }
  }

  private func checkOwner(_ block: Int, start: Int) throws {
    let owner = block + 5
    guard try file.address(owner) == header,
      try file.size(owner + file.offsetSize, size: offsetWidth) == start
    else { throw HDF5Structure.damaged("a heap's block belongs elsewhere") }
  }

  /// An object too large for blocks, found through a tree of its own.
  private func huge(_ key: Int, count: Int) throws -> (offset: Int, count: Int) {
    let (o, l) = (file.offsetSize, file.lengthSize)
    if count >= o + l {  // it stands in the identifier itself
      return try range(file.address(key), file.length(key + o))
    }
    guard let hugeTree else { throw HDF5Structure.damaged("a heap has no large objects") }
    let wanted = try file.number(key, size: min(8, count))
    var found: (offset: Int, count: Int)?
    try file.forEachRecord(ofTree: hugeTree, kind: 1) { record, size in
      guard size == o + 2 * l else { throw HDF5Structure.damaged("a heap's tree is wrong") }
      if try file.number(record + o + l, size: l) == wanted {
        found = try range(file.address(record), file.length(record + o))
      }
    }
    guard let found else { throw HDF5Structure.damaged("a large object lies nowhere") }
    return found
  }

  private func range(_ offset: Int, _ count: Int) throws -> (offset: Int, count: Int) {
    _ = try file.slice(offset, count)
    try file.work.charge(count)
    return (offset, count)
  }
}
