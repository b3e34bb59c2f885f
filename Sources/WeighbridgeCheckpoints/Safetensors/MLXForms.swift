import WeighbridgeTensors

/// Entries of a file that says it is MLX's: kernels have the channels that they read last.
enum MLXForms {
  /// - Parameter metadata: The file's texts; `format` is `mlx` in what MLX saves.
  static func marked(
    _ entries: [CheckpointEntry], by metadata: [String: String]
  ) -> [CheckpointEntry] {
    guard metadata["format"] == "mlx" else { return entries }
    return entries.map { entry in
      guard let axes = axes(entry) else { return entry }
      return CheckpointEntry(
        name: entry.name, rawPath: entry.rawPath, dtype: entry.dtype, shape: entry.shape,
        storage: entry.storage, form: .parameter(entry.name, [.permute(axes)]))
    }
  }

  /// PyTorch's order of a kernel: [out, height, width, in] is [out, in, height, width].
  private static func axes(_ entry: CheckpointEntry) -> [Int]? {
    guard entry.name == "weight" || entry.name.hasSuffix(".weight") else { return nil }
    return switch entry.shape.rank {
    case 3: [0, 2, 1]
    case 4: [0, 3, 1, 2]
    default: nil
    }
  }
}
