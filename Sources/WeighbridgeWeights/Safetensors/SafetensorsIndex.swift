import WeighbridgeTensors

/// The index of a sharded checkpoint, `model.safetensors.index.json`: which file holds which tensor.
package struct SafetensorsIndex: Sendable {
  /// The shards, in the order of their names.
  package let shards: [SafetensorsFile]
  package private(set) var metadata: [String: String] = [:]

  /// Opens every shard, which must lie beside the index, and checks that they hold exactly what it
  /// says.
  ///
  /// - Throws: `malformed` when they do not, or a name is in two shards; `unreadable` when one is
  ///   missing.
  package init(_ map: MappedFile) throws {
    do {
      let weights = try map.withBytes { try SafetensorsIndex.weightMap($0) }
      let directory = map.path.lastIndex(of: "/").map { String(map.path[...$0]) } ?? ""
      shards = try Set(weights.values).sorted().map { name in
        guard !name.contains("/"), name != "..", name != ".", !name.isEmpty else {
          throw WeighbridgeError(.malformed, "the shard '\(name)' does not lie beside the index")
        }
        do {
          return try SafetensorsFile(path: directory + name)
        } catch var error as WeighbridgeError {
          // The file at fault may be the shard or the index; name the one opened, and say the other.
          error.message = "the shard \(name) \(error.message)"
          error.file = map.path
          throw error
        }
      }
      try SafetensorsIndex.check(shards, weights)
    } catch let error as WeighbridgeError {
      throw error.located(file: map.path)
    }
    for shard in shards { metadata.merge(shard.metadata) { first, _ in first } }
  }

  private static func weightMap(_ bytes: UnsafeRawBufferPointer) throws -> [String: String] {
    var weights: [String: String]?
    var reader = try JSONReader(bytes)
    try reader.object { key, reader in
      guard key == "weight_map" else { return try reader.skipValue() }
      var members: [String: String] = [:]
      try reader.object { name, reader in
        guard reader.isAtString() else {
          throw reader.failure("weight_map has no file name for '\(name.prefix(64))'")
        }
        members[name] = try reader.string()
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

  private static func check(_ shards: [SafetensorsFile], _ weights: [String: String]) throws {
    var holders: [String: SafetensorsFile] = [:]
    for shard in shards {
      for entry in shard.entries {
        guard holders.updateValue(shard, forKey: entry.name) == nil else {
          throw WeighbridgeError(
            .malformed, "the name is in two shards", entry: entry.name, remedy: "Keep one of them")
        }
      }
    }
    for (name, file) in weights.sorted(by: { $0.key < $1.key }) {
      guard let holder = holders.removeValue(forKey: name), holder.path.hasSuffix(file) else {
        throw WeighbridgeError(
          .malformed, "the shard \(file) does not hold this tensor", entry: name)
      }
    }
    if let name = holders.keys.min() {
      throw WeighbridgeError(
        .malformed, "is in a shard and not in the index", entry: name)
    }
  }
}
