import WeighbridgeTensors
import WeighbridgeWeights

/// Opens checkpoints of every format.
public enum Checkpoints {
  /// Opens a file of named tensors. The format is found from the content, never from the extension.
  ///
  /// - Throws: `unreadable`, `malformed` or `unsupported`; the message names the file and what to do.
  public static func open(_ path: String) throws -> any Checkpoint {
    let map = try MappedFile(path: path)
    return try WeighbridgeError.locating(file: path) {
      switch map.withBytes(FileSignature.init) {
      case .zip: return try NPZFile(map)
      case .npy: return try NPYFile(map)
      case .hdf5: return try HDF5File(map)
      case .safetensors: return try SafetensorsCheckpoint(map)
      case .json: return try SafetensorsCheckpoint(index: map)
      case .pickle:
        throw WeighbridgeError(
          .unsupported, "is a Python pickle, which can run code when loaded and is not read",
          remedy: "tools/export-checkpoint IN.pth OUT.npz rewrites its state dict as npz, HDF5 or "
            + "safetensors")
      case .unknown:
        throw WeighbridgeError(
          .malformed, "is no format that is known",
          remedy: "Checkpoints are npz, npy, HDF5 or safetensors files")
      }
    }
  }
}

/// What the first bytes of a file say about it.
enum FileSignature {
  case zip, npy, hdf5, safetensors, json, pickle, unknown

  init(_ bytes: UnsafeRawBufferPointer) {
    if bytes.starts(with: [0x50, 0x4b, 3, 4]) || bytes.starts(with: [0x50, 0x4b, 5, 6]) {
      self = .zip
    } else if bytes.starts(with: NPYHeader.magic) {
      self = .npy
    } else if FileSignature.hdf5Offset(bytes) != nil {
      self = .hdf5
    } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{"),
      bytes[0] != UInt8(ascii: "{") || bytes[7] == 0
    {
      // The first eight bytes are a length: text there would make it absurd.
      self = .safetensors
    } else if bytes.first == UInt8(ascii: "{") {
      self = .json
    } else if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) {
      self = .pickle
    } else {
      self = .unknown
    }
  }

  /// Where HDF5 begins: at 0, or after a user block at 512, 1024, 2048 …
  static func hdf5Offset(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let mark: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    var offset = 0
    while offset <= bytes.count - mark.count, offset < 1 << 32 {
      if bytes[offset...].starts(with: mark) { return offset }
      offset = offset == 0 ? 512 : offset * 2
    }
    return nil
  }
}
