import WeighbridgeTensors

/// Chunks of datasets of a fixed size (specification VII.C).
extension HDF5Structure {
  func fixedArray(
    _ header: Int, _ grid: HDF5ChunkGrid, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let (o, l) = (offsetSize, lengthSize)
    try expectSummed("FAHD", at: header, count: 12 + o + l)
    let (client, size) = (try u8(header + 5), try u8(header + 6))
    let pageBits = try u8(header + 7)
    let total = try length(header + 8)
    guard let block = try optionalAddress(header + 8 + l) else { return }
    let reader = try HDF5ArrayReader(
      self, grid, elementSize: size, isFiltered: client == 1)
    guard client <= 1, pageBits < 32 else { throw HDF5Structure.damaged("an array is wrong") }
    guard total <= count / size + 1 else {
      throw HDF5Structure.damaged("an array is longer than the file")
    }
    let (perPage, head) = (1 << pageBits, 6 + o)
    guard total > perPage else {
      try expectSummed("FADB", at: block, count: head + total * size + 4)
      try reader.read(block + head, count: total, number: 0, into: &chunks)
      return
    }
    let pages = (total - 1) / perPage + 1
    let marks = (pages + 7) / 8
    try expectSummed("FADB", at: block, count: head + marks + 4)
    var place = block + head + marks + 4
    for page in 0..<pages {
      let inPage = min(perPage, total - page * perPage)
      if try u8(block + head + page / 8) & 0x80 >> (page % 8) != 0 {
        try reader.readPage(place, count: inPage, number: page * perPage, into: &chunks)
      }
      place += perPage * size + 4
    }
  }
}

/// What reads the elements of arrays that index chunks.
struct HDF5ArrayReader {
  let file: HDF5Structure
  let grid: HDF5ChunkGrid
  let elementSize: Int
  let isFiltered: Bool
  private let numbering: HDF5ChunkNumbering

  init(
    _ file: HDF5Structure, _ grid: HDF5ChunkGrid, elementSize: Int, isFiltered: Bool
  ) throws {
    (self.file, self.grid) = (file, grid)
    (self.elementSize, self.isFiltered) = (elementSize, isFiltered)
    let head = file.offsetSize
    guard isFiltered ? elementSize > head + 4 && elementSize <= head + 12 : elementSize == head
    else { throw HDF5Structure.damaged("an array of chunks has elements of another size") }
    numbering = try HDF5ChunkNumbering(grid)
  }

  /// Adds the chunks of `count` elements, the first of which has a number.
  func read(
    _ place: Int, count: Int, number: Int, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    for index in 0..<count {
      guard let position = numbering.position(number + index),
        let chunk = try file.arrayElement(
          place + index * elementSize, size: elementSize, isFiltered: isFiltered,
          position: position, grid)
      else { continue }
      chunks.append(chunk)
    }
  }

  /// Adds those of a page, which ends in a checksum.
  func readPage(
    _ place: Int, count: Int, number: Int, into chunks: inout [HDF5ChunkGrid.Chunk]
  ) throws {
    let byteCount = count * elementSize + 4
    try file.work.charge(byteCount)
    try file.checkSum(place, byteCount)
    try read(place, count: count, number: number, into: &chunks)
  }
}
