import WeighbridgeTensors

extension Tensor {
  /// The same elements in the same order of memory, a byte off their multiples, as in a zip file that
  /// is used in place.
  public func unaligned() throws -> Tensor {
    let format = preferredFormat
    let packed = try contiguous(format)
    let storage = try TensorStorage(byteCount: byteCount + 1) { target in
      try packed.withRawElements { source in
        guard let base = target.baseAddress else { return }
        (base + 1).copyMemory(from: source, byteCount: packed.byteCount)
      }
    }
    return try Tensor(
      dtype: dtype, shape: shape, strides: format.strides(of: shape),
      storage: storage.part(from: 1))
  }
}
