import WeighbridgeTensors

/// A dataset of numbers: their type and shape, and where they are.
struct HDF5Dataset: Sendable {
  let dtype: DType
  let isBigEndian: Bool
  let shape: Shape
  let layout: HDF5Layout
  /// The bytes of an element that is not stored.
  let fill: [UInt8]

  static let isVirtual = HDF5Unreadable(
    .encoding, "is a virtual dataset, whose elements are in other datasets",
    remedy: "Copy them into this file")
  static let isExternal = HDF5Unreadable(
    .encoding, "its elements are in another file, which is never opened",
    remedy: "Copy them into this file")

  /// A dataset without stored data may be this large at most; and one whose stored data could not
  /// hold it even at deflate's best ratio is refused beyond it.
  private static let largestUnbacked = 256 << 20

  /// Checks that the file holds as much as the shape promises, and that the filters are known.
  ///
  /// - Throws: `malformed`, or `HDF5Unreadable` for a filter.
  func check(fileByteCount: Int) throws {
    let byteCount = shape.elementCount * dtype.byteCount
    switch layout.kind {
    case .contiguous(let offset), .compact(let offset):
      guard offset <= fileByteCount, byteCount <= fileByteCount - offset,
        byteCount <= layout.storedByteCount
      else {
        throw WeighbridgeError(
          .malformed, "the shape \(shape) promises \(byteCount) bytes, more than the file holds",
          remedy: "Save or download the file again")
      }
    case .chunked, .absent:
      guard
        byteCount <= HDF5Dataset.largestUnbacked
          || byteCount / 1032 <= layout.storedByteCount
      else {
        throw WeighbridgeError(
          .malformed,
          "the shape \(shape) promises \(byteCount) bytes, the file has \(layout.storedByteCount)",
          remedy: "Save or download the file again")
      }
    }
    guard case .chunked(let chunking) = layout.kind, layout.storedByteCount > 0 else { return }
    for filter in chunking.filters where !HDF5ChunkDecoder.supports(filter) {
      let isNamed = filter.name != "filter \(filter.number)"
      throw HDF5Unreadable(
        .encoding,
        "is encoded by filter \(filter.number)\(isNamed ? " (\(filter.name))" : ""), which is not "
          + "known here",
        remedy: "Save it with gzip or without compression")
    }
  }

  /// How the bytes lie, for people.
  var storage: StorageNote {
    switch layout.kind {
    case .contiguous: return isBigEndian ? .copied("big-endian") : .inPlace
    case .compact: return isBigEndian ? .copied("compact") : .inPlace
    case .absent: return .copied("fill value")
    case .chunked(let chunking):
      guard !chunking.filters.isEmpty else { return .copied("chunked") }
      return .encoded(
        chunking.filters.map(\.name).joined(separator: "+"), storedBytes: layout.storedByteCount)
    }
  }
}
