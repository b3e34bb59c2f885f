import WeighbridgeTensors

/// Writes a safetensors file, tensor by tensor, in any order; memory is needed for one at a time.
///
/// Tensors whose size is a multiple of 64 bytes lie first, each on a 64-byte boundary; the rest follow
/// by falling alignment, so that every element lies on a multiple of its size. The header is padded
/// with spaces, as the format allows; between tensors there is nothing.
package final class SafetensorsWriter {
  package let path: String
  /// Written with the header when the file is complete. The length of its JSON must not change after
  /// `init`, since the tensors lie behind it.
  package var metadata: [String: String]
  private var plan: WritePlan
  /// The byte offset of each planned tensor from the end of the header.
  private let offsets: [Int]
  /// The planned tensors in the order of their bytes.
  private let order: [Int]
  private let dataOffset: Int
  package let file: OutputFile

  package init(
    path: String, tensors: [TensorDescription], metadata: [String: String] = [:]
  ) throws {
    if tensors.contains(where: { $0.name == SafetensorsHeader.metadataKey }) {
      throw WeighbridgeError(
        .usage, "no tensor can have this name", file: path, entry: SafetensorsHeader.metadataKey)
    }
    self.path = path
    self.metadata = metadata
    plan = try WritePlan(tensors, path: path)
    (order, offsets) = SafetensorsWriter.layout(tensors)
    let json = SafetensorsWriter.json(tensors, order, offsets, metadata)
    dataOffset = (8 + json.utf8.count + 63) / 64 * 64
    guard dataOffset - 8 <= SafetensorsHeader.longest else {
      throw WeighbridgeError(
        .unsupported, "the header would be \(dataOffset - 8) bytes long", file: path)
    }
    file = try OutputFile(path: path)
  }

  /// Which tensor comes when, and where each begins.
  private static func layout(_ tensors: [TensorDescription]) -> (order: [Int], offsets: [Int]) {
    func alignment(_ position: Int) -> Int {
      min(6, tensors[position].byteCount.trailingZeroBitCount)
    }
    let order = tensors.indices.sorted {
      (alignment($1), $0) < (alignment($0), $1)
    }
    var offsets = [Int](repeating: 0, count: tensors.count)
    var end = 0
    for position in order {
      offsets[position] = end
      end += tensors[position].byteCount
    }
    return (order, offsets)
  }

  private static func json(
    _ tensors: [TensorDescription], _ order: [Int], _ offsets: [Int], _ metadata: [String: String]
  ) -> String {
    var members: [String] = []
    if !metadata.isEmpty {
      members.append("\"\(SafetensorsHeader.metadataKey)\":\(JSONText.object(metadata))")
    }
    for position in order {
      let tensor = tensors[position]
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let (begin, end) = (offsets[position], offsets[position] + tensor.byteCount)
      members.append(
        "\(JSONText.quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.safetensorsCode)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}")
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  /// Writes a planned tensor and calls `seen` with its bytes.
  package func add(
    _ name: String, _ tensor: Tensor, seen: (UnsafeRawBufferPointer) -> Void = { _ in }
  ) throws {
    let position = try plan.take(name, tensor)
    do {
      let packed = try tensor.contiguous()
      try file.write(packed, at: dataOffset + offsets[position])
      try packed.withUnsafeBytes { seen($0) }
    } catch let error as WeighbridgeError {
      cancel()
      throw error.located(file: path, entry: name)
    }
  }

  /// Writes the header and gives the file its name.
  package func finish() throws {
    do {
      try plan.checkComplete()
      var header = Array(SafetensorsWriter.json(plan.tensors, order, offsets, metadata).utf8)
      guard header.count <= dataOffset - 8 else {
        throw WeighbridgeError(
          .usage, "the metadata has grown since the file was begun", file: path)
      }
      header += [UInt8](repeating: 0x20, count: dataOffset - 8 - header.count)
      let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
      try (length + header).withUnsafeBytes { try file.write($0, at: 0) }
      try file.commit()
    } catch {
      cancel()
      throw error
    }
  }

  /// Removes what was written.
  package func cancel() {
    file.discard()
  }
}
