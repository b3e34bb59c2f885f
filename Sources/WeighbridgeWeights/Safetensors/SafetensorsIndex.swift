import WeighbridgeTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The index of a sharded checkpoint, `model.safetensors.index.json`: which file holds which tensor.
///
/// The index decides what the checkpoint holds. What its shards hold beside that is left, and said.
package struct SafetensorsIndex: Sendable {
  /// The shards, in the order of their names.
  package let shards: [SafetensorsFile]
  package private(set) var metadata: [String: String] = [:]
  /// The tensors, in the order of the shards and their bytes, each with the shard that holds it.
  package private(set) var entries: [(entry: SafetensorsEntry, shard: Int)] = []
  package private(set) var skipped: [SkippedEntry] = []

  /// Opens every shard, which must lie beside the index.
  ///
  /// - Throws: `malformed` when the index is none, `unreadable` when a shard is missing.
  package init(_ map: MappedFile) throws {
    do {
      let weights = try map.withBytes { try SafetensorsIndex.weightMap($0) }
      let directory = map.path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(map.path[...$0]) }
      let names = Set(weights.values.map(ExactText.init)).sorted().map(\.text)
      shards = try names.map { name in
        guard !name.utf8.contains(UInt8(ascii: "/")), name != "..", name != ".", !name.isEmpty
        else {
          throw WeighbridgeError(
            .malformed, "the shard '\(name.shortened())' does not lie beside the index")
        }
        do {
          return try SafetensorsFile(path: (directory ?? "") + name)
        } catch var error as WeighbridgeError {
          // The file at fault may be the shard or the index; name the one opened, and say the other.
          error.message = "the shard \(name.shortened()) \(error.message)"
          error.file = map.path
          throw error
        }
      }
      choose(names, weights)
    } catch let error as WeighbridgeError {
      throw error.located(file: map.path)
    }
    for shard in shards { metadata.merge(shard.metadata) { first, _ in first } }
  }

  /// The index of a folder that holds one and no other.
  package static func path(inFolder path: String) -> String? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var found: [String] = []
    while let item = readdir(folder) {
      let name = withUnsafePointer(to: &item.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".safetensors.index.json") { found.append(name) }
    }
    guard found.count == 1 else { return nil }
    return path.utf8.last == UInt8(ascii: "/") ? path + found[0] : path + "/" + found[0]
  }

  private static func weightMap(_ bytes: UnsafeRawBufferPointer) throws -> [ExactText: String] {
    var weights: [ExactText: String]?
    var reader = try JSONReader(bytes)
    try reader.object { key, reader in
      guard key == "weight_map" else { return try reader.skipValue() }
      var members: [ExactText: String] = [:]
      try reader.object { name, reader in
        guard reader.isAtString() else {
          throw reader.failure("weight_map has no file name for '\(name.shortened(to: 64))'")
        }
        members[ExactText(name)] = try reader.string()
      }
      weights = members
    }
    try reader.end()
    guard let weights else {
      throw WeighbridgeError(
        .malformed, "is JSON without a weight_map, so not the index of a sharded checkpoint")
    }
    guard !weights.isEmpty else {
      throw WeighbridgeError(.malformed, "the weight_map names no tensors")
    }
    return weights
  }

  /// Takes from each shard what the index takes from it.
  private mutating func choose(_ names: [String], _ weights: [ExactText: String]) {
    var left = weights
    for (position, shard) in shards.enumerated() {
      let file = ExactText(names[position])
      for entry in shard.entries {
        if weights[ExactText(entry.name)].map(ExactText.init) == file {
          entries.append((entry, position))
          left[ExactText(entry.name)] = nil
        } else {
          leave(entry.name, in: names[position], weights[ExactText(entry.name)])
        }
      }
      for entry in shard.skipped where weights[ExactText(entry.name)].map(ExactText.init) == file {
        skipped.append(entry)
        left[ExactText(entry.name)] = nil
      }
    }
    for (name, file) in left.sorted(by: { $0.key < $1.key }) {
      skipped.append(
        SkippedEntry(
          name: name.text,
          reason: SkipReason(
            .damaged, "the shard \(file.shortened()) does not hold this tensor",
            remedy: "Download the checkpoint again")))
    }
  }

  private mutating func leave(_ name: String, in shard: String, _ other: String?) {
    skipped.append(
      SkippedEntry(
        name: other == nil ? name : "\(shard): \(name)",
        reason: SkipReason(
          .unlisted,
          other.map { "the index takes this tensor from \($0.shortened())" }
            ?? "is in the shard \(shard.shortened()) and not in the index, which decides")))
  }
}
