import WeighbridgeCheckpoints
import WeighbridgeTensors
import WeighbridgeWeights

extension Export {
  /// Writes safetensors files of a limited size and the index that makes one checkpoint of them:
  /// `model-00001-of-00003.safetensors` … and `model.safetensors.index.json`, as hubs have them. What
  /// fits into one file is written as one.
  ///
  /// The files get their names when all of them are complete, the index last; an index that was there
  /// before goes first, so that none is ever of shards of two checkpoints.
  ///
  /// - Parameters:
  ///   - path: Ends in `.safetensors`.
  ///   - shardSize: How many bytes of tensors a file holds at most; a larger tensor has one of its own.
  ///   - progress: Called before each tensor with how many are done, and its name.
  /// - Returns: What was written, and the path that opens all of it.
  /// - Throws: `usage` for another path, no size, or a size that makes more than 200 files; `unwritable`,
  ///   and what reading throws.
  public func writeShards(
    to path: String, shardSize: Int, progress: (Int, String) -> Void = { _, _ in }
  ) throws -> (summary: ExportSummary, path: String) {
    guard path.hasSuffix(Export.ending), shardSize > 0 else {
      throw WeighbridgeError(
        .usage, "shards are safetensors files of at least one byte", file: path,
        remedy: "End the path in .safetensors")
    }
    let shards = Export.shards(items, of: shardSize)
    guard shards.count <= Export.mostShards else {
      throw WeighbridgeError(
        .usage, "would be \(shards.count) files, at most \(Export.mostShards) are written",
        file: path,
        remedy: "Give a larger size of a shard")
    }
    guard shards.count > 1 else {
      return (try write(to: path, as: .checkpoint(.safetensors, .flat), progress: progress), path)
    }
    return try OutputFile.together(replacing: path + ".index.json") {
      try writeShards(shards, stem: String(path.dropLast(Export.ending.count)), path, progress)
    }
  }

  private func writeShards(
    _ shards: [Range<Int>], stem: String, _ path: String, _ progress: (Int, String) -> Void
  ) throws -> (summary: ExportSummary, path: String) {
    var summary = ExportSummary()
    summary.leftOut = leftOut
    var weights: [JSONDocument.Member] = []
    for (number, shard) in shards.enumerated() {
      let file =
        "\(stem)-\(Export.digits(number + 1))-of-\(Export.digits(shards.count))\(Export.ending)"
      let writer = try Checkpoints.writer(
        file, format: .safetensors, tensors: items[shard].map(\.description), metadata: metadata)
      try write(
        items[shard], into: &summary, progress, writer.add, writer.finish, writer.cancel)
      let name = file.split(separator: "/").last.map(String.init) ?? file
      weights += items[shard].map { JSONDocument.Member($0.name, .string(name)) }
    }
    let index = JSONDocument.members([
      "metadata": .members(["total_size": .integer(summary.bytes)]),
      "weight_map": .object(weights),
    ])
    let output = try OutputFile(path: path + ".index.json")
    try output.append(Array((index.text(indented: true) + "\n").utf8))
    try output.commit()
    return (summary, output.path)
  }

  private static let ending = ".safetensors"

  /// They are open together, and systems allow as few as 256 open files.
  private static let mostShards = 200

  /// The items of each file, in their order.
  private static func shards(_ items: [Item], of limit: Int) -> [Range<Int>] {
    var shards: [Range<Int>] = []
    var (start, bytes) = (0, 0)
    for (position, item) in items.enumerated() {
      let size = item.description.byteCount
      if position > start, size > limit - bytes {
        shards.append(start..<position)
        (start, bytes) = (position, 0)
      }
      bytes += size
    }
    if start < items.count { shards.append(start..<items.count) }
    return shards
  }

  /// A number in five digits, as hubs write it.
  private static func digits(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
  }
}
