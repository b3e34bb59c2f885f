import Synchronization
import WeighbridgeCheckpoints
import WeighbridgeTensors

/// The tensors of a file that may be parameters, each read once and kept.
final class SourceCatalog: Sendable {
  struct Source: Sendable {
    var name: String
    var shape: Shape
    var dtype: DType
  }

  let sources: [Source]
  /// Positions of floating-point tensors by their count of elements, in the order of the file.
  let byCount: [Int: [Int]]
  /// For each tensor the first one of the same shape and the same bytes: itself, mostly.
  let representative: [Int]
  /// The tensors that a representative stands for, in the order of the file.
  let members: [Int: [Int]]
  private let checkpoint: any Checkpoint
  private let kept = Mutex<[Int: Tensor]>([:])

  /// - Throws: What reading tensors of equal sizes throws.
  init(_ checkpoint: any Checkpoint) throws {
    self.checkpoint = checkpoint
    let sources = checkpoint.entries.map {
      Source(name: $0.name, shape: $0.shape, dtype: $0.dtype)
    }
    self.sources = sources
    byCount = Dictionary(
      grouping: sources.indices.filter { sources[$0].dtype.isFloatingPoint }
    ) { sources[$0].shape.elementCount }
    var representative = Array(sources.indices)
    let alike = Dictionary(grouping: sources.indices) { index in
      "\(sources[index].dtype) \(sources[index].shape)"
    }
    for group in alike.values where group.count > 1 {
      try SourceCatalog.findEqual(group, &representative) {
        try checkpoint.tensor(sources[$0].name)
      }
    }
    self.representative = representative
    members = Dictionary(grouping: sources.indices) { representative[$0] }
  }

  /// The tensor of a position, floating-point ones in float32 as models are bound.
  func tensor(_ index: Int) throws -> Tensor {
    if let tensor = kept.withLock({ $0[index] }) { return tensor }
    let stored = try checkpoint.tensor(sources[index].name)
    let tensor =
      stored.dtype.isFloatingPoint ? try stored.converted(to: .float32).aligned() : stored
    kept.withLock { $0[index] = tensor }
    return tensor
  }

  /// The rows of a parameter that a piece gives.
  func tensor(_ piece: Piece) throws -> Tensor {
    let read = try piece.reading.apply(to: tensor(piece.source))
    guard let part = piece.part else { return read }
    let length = read.shape[0] / part.count
    return try read.narrowed(0, start: part.index * length, length: length)
  }

  /// A whole parameter.
  func tensor(_ filling: Filling) throws -> Tensor {
    let tensors = try filling.map { try tensor($0) }
    guard tensors.count > 1 else {
      guard let only = tensors.first else {
        throw WeighbridgeError(.mapping, "a parameter is made of nothing")
      }
      return only
    }
    return try Tensor.concatenated(tensors, axis: 0)
  }

  /// The distance of a file's order between two tensors tells nothing where the file is sorted by name.
  var isSortedByName: Bool {
    zip(sources, sources.dropFirst()).allSatisfy { ExactText($0.name) < ExactText($1.name) }
  }

  private static func findEqual(
    _ group: [Int], _ representative: inout [Int], _ read: (Int) throws -> Tensor
  ) throws {
    var byDigest: [UInt64: [(index: Int, tensor: Tensor)]] = [:]
    for index in group {
      let tensor = try read(index)
      let digest = try tensor.withUnsafeBytes(digest)
      let same = try byDigest[digest]?.first { known in
        try known.tensor.withUnsafeBytes { a in
          try tensor.withUnsafeBytes { b in a.elementsEqual(b) }
        }
      }
      if let same {
        representative[index] = same.index
      } else {
        byDigest[digest, default: []].append((index, tensor))
      }
    }
  }

  /// FNV-1a over words of eight bytes, then over what is left.
  private static func digest(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    let words = bytes.count / 8
    for word in 0..<words {
      hash = (hash ^ bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
      hash = hash &* 0x100_0000_01b3
      hash ^= hash >> 29
    }
    for byte in bytes[(words * 8)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}
