import WeighbridgeTensors
import WeighbridgeWeights

/// A PyTorch file in either of its forms: what its pickle built, and where its storages lie.
struct TorchContents {
  var heap: PickleHeap
  var root: PickleValue
  var pickleByteCount: Int
  var storages: [String: TorchStorage]
  var isBigEndian = false
  /// A pickle that lies compressed in its archive, on which `.bytes` ranges count; `nil` where they
  /// count in the file.
  var pickle: TensorStorage?

  /// The tensors among what the pickle built, of which nothing else is kept.
  ///
  /// - Throws: `malformed` for containers that hold each other over and over.
  mutating func takeTensors() throws -> TorchWalk.Findings {
    let findings = try TorchWalk(root, in: heap, byteCount: pickleByteCount).findings
    (heap, root) = (PickleHeap(), .none)
    return findings
  }
}

/// The form of `torch.save` since PyTorch 1.6, and of TorchScript: a zip archive of a pickle
/// `NAME/data.pkl` and the storages `NAME/data/KEY`.
struct TorchArchive {
  private let pickle: ZipEntry
  private let byteOrder: ZipEntry?
  private let storages: [String: TorchStorage]

  /// What is of use in an archive of PyTorch's; `nil` for every other one.
  init?(_ directory: ZipDirectory) {
    let pickles = directory.entries.filter {
      $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl")
    }
    // TorchScript's constants stand beside; the shortest path is the model's.
    guard let pickle = pickles.min(by: { $0.name.utf8.count < $1.name.utf8.count }) else {
      return nil
    }
    let folder = String(pickle.name.dropLast("data.pkl".count))
    var storages: [String: TorchStorage] = [:]
    for entry in directory.entries where entry.name.hasPrefix(folder + "data/") {
      guard entry.problem == nil, !entry.isEncrypted,
        entry.method == .stored || entry.method == .deflated
      else {
        continue
      }
      storages[String(entry.name.dropFirst(folder.count + 5))] = Self.storage(entry)
    }
    self.pickle = pickle
    self.storages = storages
    byteOrder = directory.entries.first { $0.name == folder + "byteorder" }
  }

  /// - Throws: `malformed` or `unsupported` when the pickle cannot be read.
  func read(_ map: MappedFile) throws -> TorchContents {
    let isBigEndian = try Self.isBigEndian(byteOrder, map)
    let bytes = try Self.content(pickle, map)
    return try bytes.withBytes { buffer in
      var machine = PickleMachine(buffer)
      let (root, _) = try machine.run()
      return TorchContents(
        heap: machine.heap, root: root, pickleByteCount: buffer.count, storages: storages,
        isBigEndian: isBigEndian, pickle: bytes)
    }
  }

  /// The order of bytes; archives before PyTorch 2.1 do not say it, and are little-endian.
  ///
  /// - Throws: `malformed` for an order that there is not.
  private static func isBigEndian(_ entry: ZipEntry?, _ map: MappedFile) throws -> Bool {
    guard let entry else { return false }
    let text = try content(entry, map).withBytes { String(decoding: $0.prefix(64), as: UTF8.self) }
    guard text == "little" || text == "big" else {
      throw WeighbridgeError(
        .malformed, "the byte order '\(text)' is neither 'little' nor 'big'", entry: entry.name,
        remedy: "Save or download the file again")
    }
    return text == "big"
  }

  private static func storage(_ entry: ZipEntry) -> TorchStorage {
    TorchStorage(
      offset: entry.dataOffset, storedByteCount: entry.storedByteCount,
      byteCount: entry.byteCount, isDeflated: entry.method == .deflated)
  }

  /// The bytes of a small entry.
  private static func content(_ entry: ZipEntry, _ map: MappedFile) throws -> TensorStorage {
    if let problem = entry.problem {
      throw WeighbridgeError(.malformed, problem.clause, entry: entry.name, remedy: problem.remedy)
    }
    guard !entry.isEncrypted, entry.method == .stored || entry.method == .deflated,
      Inflate.isPossible(byteCount: entry.byteCount, storedByteCount: entry.storedByteCount)
    else {
      throw WeighbridgeError(
        .unsupported, "is encrypted or compressed in a way that is not read", entry: entry.name,
        remedy: "Save it again with torch.save")
    }
    // Every byte of a pickle may make an object: what it takes is bounded by the file, not by a promise.
    guard entry.byteCount <= max(smallByteCount, largestRatio * entry.storedByteCount) else {
      throw WeighbridgeError(
        .malformed, "promises \(entry.byteCount) bytes, compressed to \(entry.storedByteCount)",
        entry: entry.name, remedy: "Save it again with torch.save, which does not compress")
    }
    return try storage(entry).bytes(map)
  }

  /// What any pickle may come to, however little it is compressed to.
  private static let smallByteCount = 1 << 20
  /// How much larger than in the archive a pickle may be: text of names compresses to a tenth.
  private static let largestRatio = 32
}
