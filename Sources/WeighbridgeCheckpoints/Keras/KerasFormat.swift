extension CheckpointFormat {
  /// What Keras saves: read, never written. Names and orders of axes are Keras', with PyTorch's as
  /// the entries' `form`.
  public static let keras = CheckpointFormat(
    "keras", title: "Keras", extensions: ["keras"],
    summary: "`.keras`, `.weights.h5`, and the `.h5` files of Keras 2 and 3",
    open: { file in
      if let zip = file.zip { return try KerasFile.archive(file.map, zip) }
      return try file.hdf5().flatMap { try KerasFile($0) }
    })
}
