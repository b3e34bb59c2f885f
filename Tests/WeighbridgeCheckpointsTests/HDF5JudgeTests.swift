#if HDF5
  import CHDF5
  import Testing
  import WeighbridgeTensors
  import WeighbridgeWeights

  @testable import WeighbridgeCheckpoints

  /// libhdf5 as the judge of what is read without it.
  @Suite struct HDF5JudgeTests {
    static let names = HDF5Tests.names
    /// Written with HDF5 2.0's own encodings, which the system's library need not know.
    static let newest = names.filter { $0.hasPrefix("newest") }

    private func open(_ name: String) throws -> HDF5File {
      try HDF5File(MappedFile(path: Fixtures.path(name)))
    }

    /// libhdf5 sees the same bytes in every dataset that it knows.
    @Test(arguments: names) func agreesWithTheLibrary(_ name: String) throws {
      let swift = try open(name)
      #expect(!swift.entries.isEmpty)
      for entry in swift.entries {
        let tensor = try swift.tensor(entry.name)
        guard let library = HDF5Judge.bytes(Fixtures.path(name), entry.rawPath, entry.byteCount)
        else {
          #expect(Self.newest.contains(name) || entry.storage.description.contains("lzf"))
          continue
        }
        let isSwapped = library.isBigEndian
        let expected = try Tensor(
          dtype: entry.dtype, shape: entry.shape,
          storage: TensorStorage(byteCount: library.bytes.count) {
            $0.copyBytes(from: library.bytes)
          }
        )
        try (isSwapped ? expected.byteSwapped() : expected).withUnsafeBytes { expected in
          try tensor.withUnsafeBytes { #expect($0.elementsEqual(expected), "\(entry.name)") }
        }
      }
    }
  }

  /// What libhdf5 reads, without conversion.
  enum HDF5Judge {
    static func bytes(
      _ file: String, _ path: String, _ byteCount: Int
    ) -> (bytes: [UInt8], isBigEndian: Bool)? {
      HDF5Library.run {
        let file = H5Fopen(file, wb_h5_read_only(), wb_h5_default())
        guard file >= 0 else { return nil }
        defer { H5Fclose(file) }
        let dataset = H5Dopen2(file, path, wb_h5_default())
        guard dataset >= 0 else { return nil }
        defer { H5Dclose(dataset) }
        let type = H5Dget_type(dataset)
        defer { H5Tclose(type) }
        var bytes = [UInt8](repeating: 0, count: max(1, byteCount))
        guard H5Dread(dataset, type, wb_h5_all(), wb_h5_all(), wb_h5_default(), &bytes) >= 0 else {
          return nil
        }
        return (Array(bytes.prefix(byteCount)), H5Tget_order(type) == H5T_ORDER_BE)
      }
    }
  }
#endif
