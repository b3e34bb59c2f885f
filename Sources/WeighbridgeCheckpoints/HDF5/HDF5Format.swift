extension CheckpointFormat {
  public static let hdf5 = CheckpointFormat(
    "hdf5", title: "HDF5", extensions: ["h5", "hdf5", "hdf", "he5"],
    summary: "datasets, flat or in groups, of every layout and filter",
    missing: Writing.missing, open: { try $0.hdf5() }, compresses: true, write: Writing.open)
}

/// libhdf5 writes, where this is built with it.
private enum Writing {
  typealias Open = @Sendable (_ path: String, CheckpointContent) throws -> any FileWriter

  #if HDF5
    static let missing: String? = nil
    static let open: Open? = {
      try HDF5Writer(
        $0, tensors: $1.tensors, metadata: $1.metadata, naming: $1.naming, level: $1.level)
    }
  #else
    static let missing: String? =
      "this is built without libhdf5, which the package's trait HDF5 brings"
    static let open: Open? = nil
  #endif
}
