import WeighbridgeTensors

/// Chunks of datasets that grow along one axis (specification VII.D): first elements in the index block,
/// then data blocks that double in size, the later ones under secondary blocks.
extension HDF5Structure {
  func extensibleArray(
    _ header: Int, _ grid: HDF5ChunkGrid, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    guard let array = try HDF5ExtensibleArray(self, header, grid) else { return }
    try array.read(into: &chunks)
  }
}

private struct HDF5ExtensibleArray {
  private let file: HDF5Structure
  private let header: Int
  private let client: Int
  private let reader: HDF5ArrayReader
  private let indexBlock: Int
  private let inIndexBlock: Int
  private let smallestBlock: Int
  private let smallestPointers: Int
  private let perPage: Int
  /// The bytes of a block's place in the array.
  private let offsetWidth: Int
  private let secondaryCount: Int

  /// `nil` for an array without elements.
  init?(_ file: HDF5Structure, _ header: Int, _ grid: HDF5ChunkGrid) throws {
    self.file = file
    self.header = header
    let (o, l) = (file.offsetSize, file.lengthSize)
    try file.expectSummed("EAHD", at: header, count: 16 + 6 * l + o)
    client = try file.u8(header + 5)
    let bits = try file.u8(header + 7)
    inIndexBlock = try file.u8(header + 8)
    smallestBlock = try file.u8(header + 9)
    smallestPointers = try file.u8(header + 10)
    let pageBits = try file.u8(header + 11)
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard client <= 1, bits <= 64, isPower(smallestBlock), isPower(smallestPointers),
      smallestPointers > 1, pageBits < 32, bits >= smallestBlock.trailingZeroBitCount
    else { throw HDF5Structure.damaged("an array is wrong") }
    reader = try HDF5ArrayReader(
      file, grid, elementSize: file.u8(header + 6), isFiltered: client == 1)
    perPage = 1 << pageBits
    offsetWidth = (bits + 7) / 8
    secondaryCount = 1 + bits - smallestBlock.trailingZeroBitCount
    guard let block = try file.optionalAddress(header + 12 + 6 * l) else { return nil }
    indexBlock = block
  }

  /// How many data blocks are under a secondary block, and how many elements each has.
  private func secondary(_ number: Int) -> (blocks: Int, elements: Int) {
    (1 << min(40, number / 2), smallestBlock << min(40, (number + 1) / 2))
  }

  func read(into chunks: inout [HDF5ChunkGrid.Chunk]) throws {
    let (o, size) = (file.offsetSize, reader.elementSize)
    let direct = 2 * (smallestPointers - 1)
    let firstSecondary = 2 * smallestPointers.trailingZeroBitCount
    let head = 6 + o
    let secondaries = max(0, secondaryCount - firstSecondary)
    let used = head + inIndexBlock * size + (direct + secondaries) * o
    try file.expectSummed("EAIB", at: indexBlock, count: used + 4)
    try checkOwner(indexBlock)
    try reader.read(indexBlock + head, count: inIndexBlock, number: 0, into: &chunks)
    var place = indexBlock + head + inIndexBlock * size
    var number = inIndexBlock
    for row in 0..<min(firstSecondary, secondaryCount) {
      let (blocks, elements) = secondary(row)
      for _ in 0..<blocks {
        if let block = try file.optionalAddress(place) {
          try readBlock(block, elements, number: number, pages: nil, into: &chunks)
        }
        place += o
        number += elements
      }
    }
    for row in 0..<secondaries {
      let (blocks, elements) = secondary(firstSecondary + row)
      if let block = try file.optionalAddress(place) {
        try readSecondary(block, blocks, elements, number: number, into: &chunks)
      }
      place += o
      number =
        number.addingReportingOverflow(
          blocks.multipliedReportingOverflow(by: elements).0
        ).0
    }
  }

  private func checkOwner(_ block: Int) throws {
    guard try file.u8(block + 5) == client, try file.address(block + 6) == header else {
      throw HDF5Structure.damaged("a block of an array belongs elsewhere")
    }
  }

  private func readSecondary(
    _ block: Int, _ blocks: Int, _ elements: Int, number: Int,
    into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let o = file.offsetSize
    let head = 6 + o + offsetWidth
    guard blocks <= file.count / o, elements <= file.count else {
      throw HDF5Structure.damaged("an array is longer than the file")
    }
    let marksPerBlock = elements > perPage ? (elements / perPage + 7) / 8 : 0
    let pointers = head + blocks * marksPerBlock
    try file.expectSummed("EASB", at: block, count: pointers + blocks * o + 4)
    try checkOwner(block)
    for index in 0..<blocks {
      guard let child = try file.optionalAddress(block + pointers + index * o) else { continue }
      try readBlock(
        child, elements, number: number + index * elements,
        pages: block + head + index * marksPerBlock, into: &chunks)
    }
  }

  /// - Parameter pages: Where it is marked which pages are there.
  private func readBlock(
    _ block: Int, _ elements: Int, number: Int, pages: Int?,
    into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let head = 6 + file.offsetSize + offsetWidth
    guard elements <= file.count else {
      throw HDF5Structure.damaged("an array is longer than the file")
    }
    guard elements > perPage else {
      try file.expectSummed("EADB", at: block, count: head + elements * reader.elementSize + 4)
      try checkOwner(block)
      try reader.read(block + head, count: elements, number: number, into: &chunks)
      return
    }
    try file.expectSummed("EADB", at: block, count: head + 4)
    try checkOwner(block)
    var place = block + head + 4
    for page in 0..<(elements / perPage) {
      let isThere = try pages.map { try file.u8($0 + page / 8) & 0x80 >> (page % 8) != 0 } ?? true
      if isThere {
        try reader.readPage(
          place, count: perPage, number: number + page * perPage, into: &chunks)
      }
      place += perPage * reader.elementSize + 4
    }
  }
}
