extension CheckpointFormat {
  /// Every zip archive that is no other format's.
  public static let npz = CheckpointFormat(
    "npz", title: "npz", extensions: ["npz"],
    summary: "zipped NumPy arrays, `np.savez` and `np.savez_compressed`",
    open: { file in try file.zip.map { try NPZFile(file.map, $0) } },
    compresses: true,
    write: {
      try NPZWriter($0, tensors: $1.tensors, metadata: $1.metadata, level: $1.level)
    })
}
