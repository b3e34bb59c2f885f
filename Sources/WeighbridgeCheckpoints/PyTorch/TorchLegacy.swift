import WeighbridgeTensors
import WeighbridgeWeights

/// The form of `torch.save` before PyTorch 1.6: pickles of a magic number, a version, the writing
/// system, the object and the storages' keys, then each storage as a 64-bit count and its elements.
/// A plain pickle, as of a dictionary of NumPy arrays, is read as well.
enum TorchLegacy {
  /// 0x1950a86a20f9469cfc6c as a pickle writes it: ten bytes, little-endian.
  private static let magic: [UInt8] = [
    0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
  ]

  /// - Throws: `malformed` or `unsupported` when it cannot be read.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> TorchContents {
    var machine = PickleMachine(bytes)
    let isTorch = bytes.dropFirst(2).starts(with: magic)
    var (root, end) = try machine.run()
    guard isTorch else {
      return TorchContents(heap: machine.heap, root: root, pickleByteCount: end, storages: [:])
    }
    let (version, _) = try machine.runNext()
    guard version.integer == 1001 else {
      throw WeighbridgeError(
        .unsupported, "is a PyTorch file of a protocol that is not known",
        remedy: "Save it again with torch.save")
    }
    let (system, _) = try machine.runNext()
    let isBigEndian = machine.heap.member("little_endian", of: system)?.integer == 0
    (root, _) = try machine.runNext()
    let keys: PickleValue
    (keys, end) = try machine.runNext()
    guard let names = machine.heap.sequence(keys) else {
      throw PickleReader.malformed("the list of storages is none")
    }
    let elements = try elements(in: machine.heap)
    var storages: [String: TorchStorage] = [:]
    for name in names {
      guard let key = name.text ?? name.integer.map(String.init), let size = elements[key] else {
        throw PickleReader.malformed("a storage is listed that no tensor names")
      }
      let raw = bytes.littleEndian(at: end, as: Int64.self)
      guard let count = raw.map({ isBigEndian ? $0.byteSwapped : $0 }), count >= 0,
        case let (byteCount, overflow) = Int(count).multipliedReportingOverflow(by: size),
        !overflow, byteCount <= bytes.count - end - 8
      else {
        throw WeighbridgeError(
          .malformed, "the file ends within storage \(key.prefix(64))",
          remedy: "Save or download it again")
      }
      storages[key] = TorchStorage(
        offset: end + 8, storedByteCount: byteCount, byteCount: byteCount)
      end += 8 + byteCount
    }
    return TorchContents(
      heap: machine.heap, root: root, pickleByteCount: end, storages: storages,
      isBigEndian: isBigEndian)
  }

  /// The element size of every storage, by key: a count in the file is one of elements.
  private static func elements(in heap: PickleHeap) throws -> [String: Int] {
    var sizes: [String: Int] = [:]
    for node in heap.nodes {
      let storage: TorchStorageID
      if case .persistent(let id) = node.kind, heap.sequence(id)?.first?.text == "storage" {
        storage = try TorchStorageID(id, in: heap)
      } else if case .tensor(.view(let id, _, _, _, _)) = node.kind {
        storage = id
      } else {
        continue
      }
      sizes[storage.key] = storage.dtype?.byteCount ?? 1
    }
    return sizes
  }
}
