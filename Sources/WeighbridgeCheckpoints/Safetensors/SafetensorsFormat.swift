import WeighbridgeTensors

extension CheckpointFormat {
  /// Hugging Face's format, which native weight files are of too: read and written.
  public static let safetensors = CheckpointFormat(
    "safetensors", title: "safetensors", extensions: ["safetensors"],
    summary: "one file, or the shards of an index; the native weight file",
    open: { file in
      if file.map.withBytes(isSafetensors) { return try SafetensorsCheckpoint(file.map) }
      guard file.map.withBytes({ ForeignFile.firstLetter($0) }) == UInt8(ascii: "{") else {
        return nil
      }
      do {
        return try SafetensorsCheckpoint(index: file.map)
      } catch var error as WeighbridgeError {
        error.remedy = error.remedy ?? CheckpointFormat.remedy
        throw error
      }
    },
    write: {
      try SafetensorsCheckpointWriter($0, tensors: $1.tensors, metadata: $1.metadata)
    })

  /// The first eight bytes are a length: text there would make it absurd.
  private static func isSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
      && (bytes[0] != UInt8(ascii: "{") || bytes[7] == 0)
  }
}
