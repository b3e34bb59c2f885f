/// PyTorch's `nn.Flatten`: the axes from `first` to `last` as one; by default all but the batch.
public struct Flatten: Module {
  public let path: ModulePath
  /// PyTorch's `start_dim`.
  public let first: Int
  /// PyTorch's `end_dim`, which is among those joined.
  public let last: Int

  /// - Parameters:
  ///   - first: PyTorch's `start_dim`; negative ones count from the end.
  ///   - last: PyTorch's `end_dim`.
  public init(_ w: WeightScope, from first: Int = 1, through last: Int = -1) {
    path = w.path
    (self.first, self.last) = (first, last)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.flattened(from: first, through: last) }
}

/// PyTorch's `nn.Unflatten`: one axis as several, whose product it is; one of them may be −1.
public struct Unflatten: Module {
  public let path: ModulePath
  /// PyTorch's `dim`.
  public let axis: Int
  /// The extents that take its place.
  public let sizes: [Int]

  /// - Parameters:
  ///   - axis: PyTorch's `dim`; negative ones count from the end.
  ///   - sizes: PyTorch's `unflattened_size`; one of them may be −1.
  public init(_ w: WeightScope, axis: Int, sizes: [Int]) {
    path = w.path
    (self.axis, self.sizes) = (axis, sizes)
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.unflattened(axis, sizes) }
}

/// PyTorch's `nn.PixelShuffle`: [N, C·r², H, W] → [N, C, H·r, W·r].
public struct PixelShuffle: Module {
  public let path: ModulePath
  /// r, PyTorch's `upscale_factor`.
  public let factor: Int

  /// - Parameter factor: r, PyTorch's `upscale_factor`.
  public init(_ w: WeightScope, factor: Int) {
    path = w.path
    self.factor = factor
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.pixelShuffled(factor) }
}

/// PyTorch's `nn.PixelUnshuffle`: [N, C, H·r, W·r] → [N, C·r², H, W].
public struct PixelUnshuffle: Module {
  public let path: ModulePath
  /// r, PyTorch's `downscale_factor`.
  public let factor: Int

  /// - Parameter factor: r, PyTorch's `downscale_factor`.
  public init(_ w: WeightScope, factor: Int) {
    path = w.path
    self.factor = factor
  }

  public func forward(_ x: Tensor) throws -> Tensor { try x.pixelUnshuffled(factor) }
}

/// PyTorch's `nn.Dropout` and its kin, which hand on their input in inference.
public struct Dropout: Module {
  public let path: ModulePath
  /// PyTorch's class name, for reports.
  public let kind: String

  /// - Parameter kind: PyTorch's class, `Dropout2d`, `DropPath` and so on, for reports.
  public init(_ w: WeightScope, kind: String = "Dropout") {
    path = w.path
    self.kind = kind
  }

  public func forward(_ x: Tensor) throws -> Tensor { x }
}
