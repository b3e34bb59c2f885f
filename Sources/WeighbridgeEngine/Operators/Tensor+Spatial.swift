/// Operators on images: other sizes, edges and windows.
extension Tensor {
  /// Resized to `size`, the extents of the axes behind [N, C], as PyTorch's `interpolate(size=)`.
  ///
  /// - Throws: `shape` when there is not an extent for each axis, one is not positive, or the mode does
  ///   not go with `alignCorners` or `antialias`.
  public func interpolated(to size: [Int], _ interpolation: Interpolation) throws -> Tensor {
    try interpolated(to: size, interpolation, scales: nil)
  }

  /// Resized by factors, one for each axis behind [N, C], as PyTorch's `interpolate(scale_factor=)`:
  /// to ⌊extent·factor⌋.
  ///
  /// - Parameter recomputing: PyTorch's `recompute_scale_factor`: positions follow from the sizes and
  ///   not from the factors, which differs where an extent times its factor is not whole.
  /// - Throws: `shape` as for a size.
  public func interpolated(
    by factors: [Double], _ interpolation: Interpolation, recomputing: Bool = false
  ) throws -> Tensor {
    guard factors.count == rank - 2, factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw WeighbridgeError(.shape, "\(shape) cannot be resized by \(factors)")
    }
    let size = try zip(shape.dropFirst(2), factors).map { extent, factor in
      let product = (Double(extent) * factor).rounded(.down)
      guard product < 0x1p53 else {
        throw WeighbridgeError(.shape, "\(shape) cannot be resized by \(factors)")
      }
      return Int(product)
    }
    return try interpolated(to: size, interpolation, scales: recomputing ? nil : factors)
  }

  func interpolated(
    to size: [Int], _ interpolation: Interpolation, scales: [Double]?
  ) throws -> Tensor {
    guard rank >= 3, size.count == rank - 2, size.allSatisfy({ $0 > 0 }),
      shape.dropFirst(2).allSatisfy({ $0 > 0 })
    else {
      throw WeighbridgeError(.shape, "\(shape) cannot be resized to \(size)")
    }
    let isSmooth = interpolation.mode == .linear || interpolation.mode == .cubic
    guard isSmooth || !(interpolation.alignCorners || interpolation.antialias) else {
      throw WeighbridgeError(
        .shape,
        "interpolation by \(interpolation.mode.rawValue) has neither aligned corners nor antialias")
    }
    let operation = EngineOperation.interpolate(interpolation, size: size, scales: scales)
    if let seen = try Tensor.observed(operation, [self]) { return seen }
    let output = try Shape(Array(shape.prefix(2)) + size).addressable(dtype)
    guard interpolation.mode == .area else {
      let engine = try engine()
      guard output.elementCount > 0 else { return try Tensor.zeros(output, dtype: dtype) }
      return try engine.interpolate(self, interpolation, size: size, scales: scales)
    }
    guard size.count <= 2 else {
      throw WeighbridgeError(.shape, "interpolation by area takes one or two axes, not \(shape)")
    }
    let image = size.count == 1 ? try unsqueezed(2) : self
    let pooled = try image.adaptiveAveragePooled(
      to: Pair(size.count == 1 ? 1 : size[0], size[size.count - 1]))
    return size.count == 1 ? try pooled.squeezed(2) : pooled
  }

  /// Elements added around the last `amounts.count` axes, or taken away by negative amounts, as
  /// PyTorch's `pad`. (Amounts are in the order of the axes, PyTorch's are in the reverse order.)
  ///
  /// - Throws: `shape` when there are more amounts than axes, more is taken away than there is, or the
  ///   mode has not so much to add: reflection less than the axis, circular no more.
  public func padded(_ amounts: [AxisPadding], _ mode: PaddingMode) throws -> Tensor {
    guard amounts.count <= rank else {
      throw WeighbridgeError(.shape, "\(shape) has no \(amounts.count) axes to pad")
    }
    for (amount, extent) in zip(amounts, shape.suffix(amounts.count)) {
      try mode.check(amount, extent, shape)
    }
    if let seen = try Tensor.observed(EngineOperation.pad(amounts, mode), [self]) { return seen }
    return try Engines.engine(moving: dtype).pad(self, amounts, mode)
  }

  /// PyTorch's `conv_transpose2d`: self is [N, in, H, W], `weight` [in, out/groups, kh, kw], `bias`
  /// [out]; the gradient of a convolution with that weight. Each input pixel adds itself times the
  /// weight to the window that it stands for.
  ///
  /// - Throws: `shape` when they do not fit.
  public func transposedConvolved(
    weight: Tensor, bias: Tensor? = nil, geometry: TransposedConvolutionGeometry = .init(),
    cache: OperatorCache = OperatorCache()
  ) throws -> Tensor {
    let output = try geometry.outputShape(input: shape, weight: weight.shape).addressable(dtype)
    if let bias, bias.shape != [output[1]] {
      throw WeighbridgeError(
        .shape, "the bias has shape \(bias.shape), expected [\(output[1])]")
    }
    return try engine(with: weight, bias).transposedConvolution(
      self, weight: weight, bias: bias, geometry: geometry, output: output, cache: cache)
  }

  /// The windows of [N, C, H, W] as columns [N, C·kh·kw, windows], PyTorch's `unfold`; zeros where they
  /// reach beyond the image.
  ///
  /// - Throws: `shape` when no window fits.
  public func unfolded(_ geometry: WindowGeometry) throws -> Tensor {
    guard rank == 4 else {
      throw WeighbridgeError(.shape, "windows are taken of [N, C, H, W], got \(shape)")
    }
    let counts = try geometry.counts(height: shape[2], width: shape[3])
    return try engine().unfold(self, geometry, counts: counts)
  }

  /// Columns [N, C·kh·kw, windows] summed into an image [N, C, height, width], PyTorch's `fold`.
  ///
  /// - Throws: `shape` when the columns are not those of such an image.
  public func folded(to size: Pair<Int>, _ geometry: WindowGeometry) throws -> Tensor {
    let counts = try geometry.counts(height: size.height, width: size.width)
    let cells = geometry.kernel.height * geometry.kernel.width
    guard rank == 3, shape[1] % cells == 0, shape[2] == counts.height * counts.width else {
      throw WeighbridgeError(
        .shape, "\(shape) is not \(counts.height)·\(counts.width) windows of \(cells) cells")
    }
    let output = try Shape([shape[0], shape[1] / cells, size.height, size.width])
      .addressable(dtype)
    return try engine().fold(self, geometry, counts: counts, output: output)
  }

  /// PyTorch's `adaptive_max_pool2d` of [N, C, H, W]; an extent of −1 keeps the input's.
  ///
  /// - Throws: `shape` when the input is empty or an extent is not positive.
  public func adaptiveMaxPooled(to size: Pair<Int>) throws -> Tensor {
    let size = try adaptiveSize(size)
    return try engine().adaptiveMaxPool(self, output: size)
  }

  /// The extents of an adaptive pooling, where −1 stands for the input's own.
  func adaptiveSize(_ size: Pair<Int>) throws -> Pair<Int> {
    guard rank == 4, shape[2] > 0, shape[3] > 0 else {
      throw WeighbridgeError(.shape, "cannot pool \(shape) to \(size.height)×\(size.width)")
    }
    let resolved = Pair(
      size.height == -1 ? shape[2] : size.height, size.width == -1 ? shape[3] : size.width)
    guard resolved.height > 0, resolved.width > 0 else {
      throw WeighbridgeError(.shape, "cannot pool \(shape) to \(size.height)×\(size.width)")
    }
    _ = try Shape([shape[0], shape[1], resolved.height, resolved.width]).addressable(dtype)
    return resolved
  }

  /// [N, C·r², H, W] → [N, C, H·r, W·r], PyTorch's `pixel_shuffle`: channel c·r² + i·r + j is the pixel
  /// (i, j) of each block of channel c.
  ///
  /// - Throws: `shape` when the channels do not divide.
  public func pixelShuffled(_ factor: Int) throws -> Tensor {
    guard rank == 4, factor > 0, factor <= 1 << 15, shape[1] % (factor * factor) == 0 else {
      throw WeighbridgeError(.shape, "the pixels of \(shape) cannot be shuffled by \(factor)")
    }
    let (n, c, h, w) = (shape[0], shape[1] / (factor * factor), shape[2], shape[3])
    return try reshaped([n, c, factor, factor, h, w]).permuted([0, 1, 4, 2, 5, 3])
      .reshaped([n, c, h * factor, w * factor])
  }

  /// [N, C, H·r, W·r] → [N, C·r², H, W], PyTorch's `pixel_unshuffle`.
  ///
  /// - Throws: `shape` when the image does not divide.
  public func pixelUnshuffled(_ factor: Int) throws -> Tensor {
    guard rank == 4, factor > 0, factor <= 1 << 15, shape[2] % factor == 0, shape[3] % factor == 0
    else {
      throw WeighbridgeError(.shape, "the pixels of \(shape) cannot be gathered by \(factor)")
    }
    let (n, c, h, w) = (shape[0], shape[1], shape[2] / factor, shape[3] / factor)
    return try reshaped([n, c, h, factor, w, factor]).permuted([0, 1, 3, 5, 2, 4])
      .reshaped([n, c * factor * factor, h, w])
  }
}

extension PaddingMode {
  fileprivate func check(_ amount: AxisPadding, _ extent: Int, _ shape: Shape) throws {
    let isTaken = amount.before < 0 || amount.after < 0
    let most: Int
    switch self {
    case .constant: most = .max
    case .replicate: most = extent > 0 ? .max : 0
    case .reflect: most = extent - 1
    case .circular: most = extent
    }
    let (first, overflow) = extent.addingReportingOverflow(amount.before)
    let (result, isTooLong) = first.addingReportingOverflow(amount.after)
    guard amount.before <= most, amount.after <= most, !overflow, !isTooLong, result >= 0,
      !isTaken || extent + min(0, amount.before) + min(0, amount.after) >= 0,
      result <= Int(Int32.max) || extent > Int(Int32.max)
    else {
      throw WeighbridgeError(
        .shape,
        "an axis of \(extent) in \(shape) cannot be padded by \(amount.before) and \(amount.after)")
    }
    if isTaken, case .constant = self { return }
    if isTaken, result == 0 {
      throw WeighbridgeError(.shape, "nothing of an axis of \(extent) in \(shape) is left")
    }
  }
}
