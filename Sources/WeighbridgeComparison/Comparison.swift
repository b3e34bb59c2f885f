import WeighbridgeModules

/// Compares two tensors in one pass over both, on all compute threads.
public enum Comparison {
  /// The figures of `got` against `reference`: any two dtypes, any two memory layouts.
  ///
  /// float32 pairs that lie alike, or ours channels-last against a row-major reference, are read in
  /// place; everything else is converted block by block or packed first.
  ///
  /// - Parameter tolerance: Fills in `elementwiseRatio`.
  /// - Throws: `shape` when the shapes differ or a tensor is a descriptor.
  public static func figures(
    _ got: Tensor, _ reference: Tensor, tolerance: ElementwiseTolerance? = nil
  ) throws -> Figures {
    guard got.shape == reference.shape else {
      throw WeighbridgeError(
        .shape, "the shapes differ: \(got.shape) here, \(reference.shape) in the reference")
    }
    guard !got.isDescriptor, !reference.isDescriptor else {
      throw WeighbridgeError(.shape, "a descriptor has no elements to compare")
    }
    guard got.elementCount > 0 else {
      return Accumulator().figures(shape: got.shape, tolerance: tolerance)
    }
    let total: Accumulator
    if let tiled = TiledPair(got, reference) {
      total = try tiled.accumulated(tolerance)
    } else {
      total = try FlatPair(got, reference).accumulated(tolerance)
    }
    return total.figures(shape: got.shape, tolerance: tolerance)
  }
}

extension Comparison {
  /// The same figures, and the reference to go on with in place of `got`: of its dtype, laid out like
  /// it, on addresses that every operator can use. float32 is compared and copied in one pass.
  ///
  /// - Throws: `shape` as `figures` does, and what a conversion throws.
  package static func substituting(
    _ reference: Tensor, for got: Tensor, tolerance: ElementwiseTolerance? = nil
  ) throws -> (figures: Figures, substitute: Tensor) {
    let format = got.preferredFormat
    let isFloat = got.dtype == .float32 && reference.dtype == .float32
    guard isFloat, got.shape == reference.shape, got.elementCount > 0, !reference.isDescriptor,
      !(reference.isDense(format) && reference.isAligned)
    else {
      let substitute = try reference.converted(to: got.dtype).contiguous(format).aligned()
      return (try figures(got, reference, tolerance: tolerance), substitute)
    }
    var total = Accumulator()
    let storage = try TensorStorage(byteCount: got.byteCount) { bytes in
      if let tiled = TiledPair(got, reference) {
        total = try tiled.accumulated(tolerance, copyingTo: bytes.baseAddress)
      } else {
        // Elements of the two lie in one order, or ours are put into the reference's.
        let packed = try reference.contiguous(format)
        total = try FlatPair(got.contiguous(format), packed)
          .floats(tolerance, copyingTo: bytes.baseAddress)
      }
    }
    let substitute = try Tensor(
      dtype: .float32, shape: got.shape, strides: format.strides(of: got.shape), storage: storage)
    return (total.figures(shape: got.shape, tolerance: tolerance), substitute)
  }
}
