extension CheckpointFormat {
  public static let hdf5 = CheckpointFormat(
    "hdf5", title: "HDF5", extensions: ["h5", "hdf5", "hdf", "he5"],
    summary: "datasets, flat or in groups, of every layout and filter",
    open: { try $0.hdf5() },
    compresses: true,
    write: {
      try HDF5Writer(
        $0, tensors: $1.tensors, metadata: $1.metadata, naming: $1.naming, level: $1.level)
    })
}
