#if HDF5
  import CHDF5
  import WeighbridgeTensors

  /// Filters that only libhdf5 has: szip, and plug-ins of the system's.
  ///
  /// The library never sees the file. A chunk is decoded in a file in memory that the library makes
  /// itself, with one dataset of one chunk, which is given the encoded bytes.
  enum HDF5FilterLibrary {
    static func has(_ number: Int) -> Bool {
      guard let number = H5Z_filter_t(exactly: number), number >= 0 else { return false }
      return HDF5Library.run { H5Zfilter_avail(number) > 0 }
    }

    /// Undoes one filter.
    ///
    /// - Throws: `malformed` when the library cannot.
    static func decode(
      _ request: HDF5FilterRequest, _ input: UnsafeRawBufferPointer,
      into output: UnsafeMutableRawBufferPointer
    ) throws {
      guard !input.isEmpty, input.count < 1 << 32 else { throw HDF5ChunkDecoder.damaged }
      try HDF5Library.run {
        let access = H5Pcreate(wb_h5_plist_file_access())
        try HDF5Library.using(access, H5Pclose, "not enough memory", code: .engine) { access in
          H5Pset_fapl_core(access, 1 << 20, false)
          let file = H5Fcreate("chunk", wb_h5_truncate(), wb_h5_default(), access)
          try HDF5Library.using(file, H5Fclose, "not enough memory", code: .engine) { file in
            try decode(request, input, in: file, into: output)
          }
        }
      }
    }

    private static func decode(
      _ request: HDF5FilterRequest, _ input: UnsafeRawBufferPointer, in file: hid_t,
      into output: UnsafeMutableRawBufferPointer
    ) throws {
      try HDF5Library.using(type(of: request), H5Tclose, failed) { type in
        try dataset(file, type, request) { dataset in
          let corner = [hsize_t](repeating: 0, count: request.extents.count)
          try HDF5Library.check(
            H5Dwrite_chunk(dataset, wb_h5_default(), 0, corner, input.count, input.baseAddress),
            failed)
          try HDF5Library.check(
            H5Dread(
              dataset, type, wb_h5_all(), wb_h5_all(), wb_h5_default(), output.baseAddress),
            failed)
        }
      }
    }

    private static let failed = HDF5FilterRequest.unreadable.message

    private static func dataset(
      _ file: hid_t, _ type: hid_t, _ request: HDF5FilterRequest, _ body: (hid_t) throws -> Void
    ) throws {
      let dimensions = request.extents.map { hsize_t($0) }
      let rank = Int32(dimensions.count)
      let list = H5Pcreate(wb_h5_plist_dataset_create())
      try HDF5Library.using(list, H5Pclose, failed, code: .engine) { list in
        try HDF5Library.check(H5Pset_chunk(list, rank, dimensions), failed)
        try HDF5Library.check(
          H5Pset_filter(
            list, H5Z_filter_t(clamping: request.number), 0, request.values.count, request.values),
          failed)
        try HDF5Library.using(H5Screate_simple(rank, dimensions, nil), H5Sclose, failed) { space in
          let id = H5Dcreate2(
            file, "chunk", type, space, wb_h5_default(), list, wb_h5_default())
          try HDF5Library.using(id, H5Dclose, failed, body)
        }
      }
    }

    private static func type(of request: HDF5FilterRequest) -> hid_t {
      let type = HDF5Library.numberType(of: request.dtype)
      if request.isBigEndian { H5Tset_order(type, H5T_ORDER_BE) }
      return type
    }
  }
#endif
