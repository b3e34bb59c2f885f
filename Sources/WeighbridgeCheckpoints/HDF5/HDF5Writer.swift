#if HDF5
  import CHDF5
  import WeighbridgeTensors
  import WeighbridgeWeights

  /// Writes an HDF5 file that every library since HDF5 1.8 reads: contiguous datasets on 64-byte
  /// boundaries, so that they can be used in place, and no time stamps.
  final class HDF5Writer: FileWriter {
    let path: String
    private let naming: HDF5Naming
    private var plan: WritePlan
    private let level: Int?
    let output: OutputFile
    /// Negative when closed.
    private var file: hid_t = -1

    /// - Parameter level: How much the elements are compressed, shuffled and in chunks, from 1 to 9; `nil`
    ///   for not at all.
    init(
      _ path: String, tensors: [TensorDescription], metadata: [String: String], naming: HDF5Naming,
      level: Int? = nil
    ) throws {
      (self.path, self.level) = (path, level)
      self.naming = naming
      plan = try WritePlan(tensors, path: path)
      try HDF5Writer.checkPaths(tensors, naming, path)
      output = try OutputFile(path: path)
      let temporary = output.temporaryPath
      file = try WeighbridgeError.locating(file: path) {
        try HDF5Library.run { try HDF5Writer.create(temporary) }
      }
      try guarded(entry: nil) { file in
        for (name, text) in metadata.sorted(by: { $0.key < $1.key }) {
          try HDF5Writer.writeAttribute(file, name, text)
        }
      }
    }

    deinit {
      cancel()
    }

    func readName(of name: String) -> String { HDF5Writer.datasetPath(name, naming) }

    static func datasetPath(_ name: String, _ naming: HDF5Naming) -> String {
      naming == .nested ? name.replacing(".", with: "/") : name
    }

    /// Refuses names that are no paths, and paths that are a dataset and a group at once.
    private static func checkPaths(
      _ tensors: [TensorDescription], _ naming: HDF5Naming, _ file: String
    ) throws {
      let paths = Set(tensors.map { ExactText(datasetPath($0.name, naming)) })
      var read: [ExactText: String] = [:]
      for tensor in tensors {
        let name = HDF5Naming.nameRead(of: tensor.name)
        if let other = read.updateValue(tensor.name, forKey: ExactText(name)) {
          throw WeighbridgeError(
            .unsupported,
            "an HDF5 file cannot hold this beside '\(other)': a / makes a group, and both read as '\(name)'",
            file: file, entry: tensor.name,
            remedy: "Rename one of them, or write npz or safetensors")
        }
        guard tensor.dtype.byteCount > 1 || !tensor.dtype.isFloatingPoint else {
          throw WeighbridgeError(
            .unsupported, "\(tensor.dtype) is not written to HDF5", file: file, entry: tensor.name,
            remedy: "Convert to float16 or float32, or write safetensors")
        }
        let path = datasetPath(tensor.name, naming)
        let steps = path.split(separator: "/", omittingEmptySubsequences: false)
        guard steps.allSatisfy({ !$0.isEmpty && $0 != "." }), !path.utf8.contains(0) else {
          throw WeighbridgeError(
            .unsupported, "the name cannot be an HDF5 path", file: file, entry: tensor.name)
        }
        for count in 1..<max(1, steps.count)
        where paths.contains(ExactText(steps.prefix(count).joined(separator: "/"))) {
          throw WeighbridgeError(
            .unsupported, "the name lies inside that of another tensor, so groups cannot hold both",
            file: file, entry: tensor.name, remedy: "Write flat names")
        }
      }
    }

    /// Creates the file over the temporary one. Runs inside `HDF5Library.run`.
    private static func create(_ path: String) throws -> hid_t {
      let access = H5Pcreate(wb_h5_plist_file_access())
      return try HDF5Library.using(access, H5Pclose, "not enough memory", code: .engine) { access in
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG)
        H5Pset_alignment(access, 1, 64)
        _ = wb_h5_set_no_locking(access)
        let creation = H5Pcreate(wb_h5_plist_file_create())
        return try HDF5Library.using(creation, H5Pclose, "not enough memory", code: .engine) {
          // Alignment leaves a gap behind every object. By default the library keeps each in a list and
          // searches that for every object to come: time grew with the square of the tensors.
          H5Pset_file_space_strategy($0, H5F_FSPACE_STRATEGY_AGGR, false, 1)
          H5Pset_obj_track_times($0, false)
          return try HDF5Library.check(
            H5Fcreate(path, wb_h5_truncate(), $0, access), "cannot be written", code: .unwritable)
        }
      }
    }

    func add(_ name: String, _ tensor: Tensor) throws {
      _ = try plan.take(name, tensor)
      try guarded(entry: name) { file in
        try write(file, HDF5Writer.datasetPath(name, naming), tensor)
      }
    }

    func finish() throws {
      try guarded(entry: nil) { file in
        try plan.checkComplete()
        let result = H5Fclose(file)
        self.file = -1
        try HDF5Library.check(result, "cannot be written", code: .unwritable)
      }
      try output.commit()
    }

    func cancel() {
      if file >= 0 {
        let file = file
        self.file = -1
        _ = HDF5Library.run { H5Fclose(file) }
      }
      output.discard()
    }

    /// Runs `body` inside `HDF5Library.run`; removes the file when it fails.
    private func guarded(entry: String?, _ body: (hid_t) throws -> Void) throws {
      do {
        try HDF5Library.run { try body(file) }
      } catch let error as WeighbridgeError {
        cancel()
        throw error.located(file: path, entry: entry)
      }
    }

    private func write(_ file: hid_t, _ path: String, _ tensor: Tensor) throws {
      let (dtype, shape) = (tensor.dtype, tensor.shape)
      let failed = "cannot be written"
      let creation = H5Pcreate(wb_h5_plist_dataset_create())
      defer { H5Pclose(creation) }
      // Files that are equal have equal bytes.
      H5Pset_obj_track_times(creation, false)
      let isCompressed = level != nil && shape.rank > 0 && tensor.byteCount > 0
      if isCompressed, let level {
        try HDF5Writer.compress(creation, dtype, shape, level: level)
      } else {
        // The library finds the place, and the bytes are written there past it.
        H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY)
        H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER)
      }
      let links = H5Pcreate(wb_h5_plist_link_create())
      try HDF5Library.using(links, H5Pclose, failed, code: .engine) { links in
        H5Pset_create_intermediate_group(links, 1)
        H5Pset_char_encoding(links, H5T_CSET_UTF8)
        try HDF5Library.using(HDF5Writer.type(of: dtype), H5Tclose, failed, code: .engine) { type in
          try HDF5Library.using(
            HDF5Writer.space(of: shape), H5Sclose, failed, code: .engine
          ) { space in
            let id = H5Dcreate2(file, path, type, space, links, creation, wb_h5_default())
            try HDF5Library.using(id, H5Dclose, failed, code: .unwritable) { dataset in
              guard tensor.byteCount > 0 else { return }
              guard isCompressed else {
                return try output.write(tensor, at: try HDF5Writer.offset(of: dataset))
              }
              try tensor.withUnsafeBytes { bytes in
                let result = H5Dwrite(
                  dataset, type, wb_h5_all(), wb_h5_all(), wb_h5_default(), bytes.baseAddress)
                try HDF5Library.check(result, failed, code: .unwritable)
              }
            }
          }
        }
      }
    }

    /// Where a contiguous dataset begins.
    private static func offset(of dataset: hid_t) throws -> Int {
      // HADDR_UNDEF is no offset of a file.
      guard let offset = Int(exactly: H5Dget_offset(dataset)) else {
        throw HDF5Library.failure("cannot be written", code: .unwritable)
      }
      return offset
    }

    /// Has a dataset compressed, in chunks of at most a mebibyte that reach over its last axes.
    private static func compress(
      _ creation: hid_t, _ dtype: DType, _ shape: Shape, level: Int
    ) throws {
      var extents = shape.map { hsize_t($0) }
      var left = hsize_t((1 << 20) / dtype.byteCount)
      for axis in extents.indices.reversed() {
        extents[axis] = max(1, min(extents[axis], left))
        left /= extents[axis]
      }
      let results = [
        H5Pset_chunk(creation, Int32(extents.count), extents), H5Pset_shuffle(creation),
        H5Pset_deflate(creation, UInt32(level)),
      ]
      guard results.allSatisfy({ $0 >= 0 }) else {
        throw WeighbridgeError(.unwritable, "this HDF5 library does not compress")
      }
    }

    private static func space(of shape: Shape) -> hid_t {
      guard shape.rank > 0 else { return H5Screate(H5S_SCALAR) }
      return H5Screate_simple(Int32(shape.rank), shape.map { hsize_t($0) }, nil)
    }

    private static func writeAttribute(_ file: hid_t, _ name: String, _ text: String) throws {
      let failed = "the attribute \(name) cannot be written"
      try HDF5Library.using(H5Tcopy(wb_h5_c_string()), H5Tclose, failed, code: .engine) { type in
        H5Tset_size(type, wb_h5_variable())
        H5Tset_cset(type, H5T_CSET_UTF8)
        try HDF5Library.using(H5Screate(H5S_SCALAR), H5Sclose, failed, code: .engine) { space in
          let id = H5Acreate2(file, name, type, space, wb_h5_default(), wb_h5_default())
          try HDF5Library.using(id, H5Aclose, failed, code: .unwritable) { attribute in
            let result = text.withCString { pointer in
              withUnsafePointer(to: pointer) { H5Awrite(attribute, type, $0) }
            }
            try HDF5Library.check(result, failed, code: .unwritable)
          }
        }
      }
    }

    /// A new type for a dtype: the library's, with booleans as h5py writes them.
    private static func type(of dtype: DType) -> hid_t {
      switch dtype {
      case .float8E4M3, .float8E5M2: -1  // refused before: HDF5 has no format with E4M3's one NaN
      case .bool: boolean()
      default: HDF5Library.numberType(of: dtype)
      }
    }

    private static func boolean() -> hid_t {
      let type = H5Tenum_create(wb_h5_i8le())
      var (no, yes): (Int8, Int8) = (0, 1)
      H5Tenum_insert(type, "FALSE", &no)
      H5Tenum_insert(type, "TRUE", &yes)
      return type
    }
  }
#endif
