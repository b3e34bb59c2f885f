/// PyTorch's `nn.Upsample`: [N, C, …] resized by factors or to a size.
public struct Upsample: Module {
  public let path: ModulePath
  /// How large the result is.
  public let target: Target
  /// What stands between the pixels.
  public let interpolation: Interpolation

  /// How large the result is.
  public enum Target: Sendable, Hashable {
    /// The extents behind [N, C].
    case size([Int])
    /// What the extents are multiplied by, one factor for all or one for each; the products are rounded
    /// down. With `recomputing` positions follow from the sizes (PyTorch's `recompute_scale_factor`).
    case factors([Double], recomputing: Bool = false)
  }

  /// - Parameters:
  ///   - target: PyTorch's `size` or `scale_factor`.
  ///   - interpolation: PyTorch's `mode` and `align_corners`.
  public init(_ w: WeightScope, to target: Target, _ interpolation: Interpolation) {
    path = w.path
    (self.target, self.interpolation) = (target, interpolation)
  }

  /// By one factor, as `nn.Upsample(scale_factor=2)`.
  ///
  /// - Parameter mode: `.nearest`, `.bilinear`, `.bicubic` or another; PyTorch's default is nearest.
  public init(
    _ w: WeightScope, factor: Double, _ mode: Interpolation.Mode = .nearest,
    alignCorners: Bool = false
  ) {
    self.init(w, to: .factors([factor]), Interpolation(mode, alignCorners: alignCorners))
  }

  public func forward(_ x: Tensor) throws -> Tensor { try resized(x, interpolation) }

  package func resized(_ x: Tensor, _ interpolation: Interpolation) throws -> Tensor {
    let axes = max(0, x.rank - 2)
    switch target {
    case .size(let size):
      let extents = size.count == 1 ? [Int](repeating: size[0], count: axes) : size
      return try x.interpolated(to: extents, interpolation)
    case .factors(let factors, let recomputing):
      let each = factors.count == 1 ? [Double](repeating: factors[0], count: axes) : factors
      return try x.interpolated(by: each, interpolation, recomputing: recomputing)
    }
  }
}
