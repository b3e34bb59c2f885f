extension CheckpointFormat {
  /// One NumPy array, which has no name of its own: read and written.
  public static let npy = CheckpointFormat(
    "npy", title: "npy", extensions: ["npy"], summary: "one NumPy array, `np.save`",
    holdsOneTensor: true,
    open: { $0.starts(with: NPYHeader.magic) ? try NPYFile($0.map) : nil },
    write: { try NPYWriter($0, tensors: $1.tensors) })
}
