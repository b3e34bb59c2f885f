import WeighbridgeTensors
import WeighbridgeWeights

/// The bytes that tensors of a PyTorch file view: one record of an archive, or a stretch of a legacy
/// file.
struct TorchStorage: Sendable, Hashable {
  /// Where the bytes begin in the file.
  var offset: Int
  /// How many there are in the file.
  var storedByteCount: Int
  /// How many there are once read.
  var byteCount: Int
  var isDeflated = false

  /// The bytes: in place from the map, unless they are compressed.
  func bytes(_ map: MappedFile) throws -> TensorStorage {
    guard isDeflated else { return try map.storage(offset: offset, count: byteCount) }
    return try TensorStorage(byteCount: byteCount) { output in
      try map.withBytes { bytes in
        guard let input = bytes.slice(at: offset, count: storedByteCount) else {
          throw WeighbridgeError(.malformed, "a storage lies beyond the file's end")
        }
        try Inflate.run(input, into: UnsafeMutableRawBufferPointer(rebasing: output[..<byteCount]))
      }
    }
  }
}

/// What a pickle says of a storage that it keeps outside: `("storage", type, key, location, count)`,
/// in legacy files followed by the storage that it is a view of.
struct TorchStorageID: Sendable, Hashable {
  var key: String
  /// `nil` for a storage without elements of its own.
  var dtype: TorchElement?
  /// How many elements the storage of that key has.
  var count: Int
  /// The bytes of it within the storage of that key; `nil` for all.
  var view: Range<Int>?

  /// - Throws: `malformed` when the value names no storage.
  init(_ id: PickleValue, in heap: PickleHeap) throws {
    guard let parts = heap.sequence(id), parts.count >= 5, parts[0].text == "storage",
      case .global(let type) = parts[1],
      let key = parts[2].text ?? parts[2].integer.map(String.init)
    else { throw PickleReader.malformed("an outside object is no storage") }
    guard let count = parts[4].integer, count >= 0 else {
      throw PickleReader.malformed("a storage's size is no number of elements")
    }
    self.key = key
    self.count = count
    dtype = TorchElement(storage: type.name)
    guard parts.count > 5, let view = heap.sequence(parts[5]), view.count == 3 else { return }
    guard let start = view[1].integer, start >= 0, let extent = view[2].integer, extent >= 0,
      let size = dtype?.byteCount,
      case let (end, overflow) = start.addingReportingOverflow(extent), !overflow, end <= count,
      case let (bytes, carried) = end.multipliedReportingOverflow(by: size), !carried
    else { throw PickleReader.malformed("a storage is a view of nothing") }
    self.view = (start * size)..<bytes
  }

  /// Checks that the storage is as large as the pickle says. Bytes that make no element may be left over:
  /// a storage may have been made for smaller ones.
  ///
  /// - Throws: `malformed` otherwise.
  func check(_ storage: TorchStorage) throws {
    guard storage.byteCount / (dtype?.byteCount ?? 1) != count else { return }
    let kind = dtype.map { " of \($0.name)" } ?? " bytes"
    throw WeighbridgeError(
      .malformed,
      "its storage '\(key.shortened(to: 64))' has \(storage.byteCount) bytes, and the pickle says "
        + "\(count)\(kind)", remedy: "Save or download the file again")
  }
}

/// What a storage's elements are.
enum TorchElement: Sendable, Hashable {
  case number(DType)
  /// Elements that are no numbers here: PyTorch's name, and a size in bytes.
  case other(String, byteCount: Int)

  var byteCount: Int {
    switch self {
    case .number(let dtype): dtype.byteCount
    case .other(_, let byteCount): byteCount
    }
  }

  /// What PyTorch calls it.
  var name: String {
    switch self {
    case .number(let dtype): dtype.rawValue
    case .other(let name, _): name
    }
  }

  /// By a typed storage's class, `FloatStorage`; `nil` for an untyped one.
  init?(storage name: String) {
    guard let found = Self.ofStorages[name] else { return nil }
    self = found
  }

  private static let ofStorages: [String: TorchElement] = [
    "FloatStorage": .number(.float32), "DoubleStorage": .number(.float64),
    "HalfStorage": .number(.float16), "BFloat16Storage": .number(.bfloat16),
    "LongStorage": .number(.int64), "IntStorage": .number(.int32),
    "ShortStorage": .number(.int16), "CharStorage": .number(.int8),
    "ByteStorage": .number(.uint8), "BoolStorage": .number(.bool),
    "ComplexFloatStorage": .other("complex64", byteCount: 8),
    "ComplexDoubleStorage": .other("complex128", byteCount: 16),
    "QInt8Storage": .other("qint8", byteCount: 1),
    "QUInt8Storage": .other("quint8", byteCount: 1),
    "QInt32Storage": .other("qint32", byteCount: 4),
  ]

  /// By a dtype's name, `torch.uint16`.
  init(dtype name: String) {
    self = DType(rawValue: name).map(TorchElement.number) ?? .other(name, byteCount: 1)
  }
}
