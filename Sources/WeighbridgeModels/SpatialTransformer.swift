import WeighbridgeModules

/// The spatial transformer of PyTorch's tutorial on MNIST (Jaderberg et al. 2015): a small network
/// reads an affine map from the digit, the digit is sampled through it, and a second network
/// classifies the result. [N, 1, 28, 28] → log-probabilities [N, 10].
///
/// PyTorch up to 1.2 sampled with `align_corners` true; the state dict does not tell which.
public struct SpatialTransformer: Module {
  public let path: ModulePath
  package let alignCorners: Bool
  let conv1: Conv2d
  let conv2: Conv2d
  let drop: Identity
  let fc1: Linear
  let fc2: Linear
  let localization: Sequential
  let fcLoc: Sequential

  /// - Parameter alignCorners: Whether −1 and 1 are the centres of the corner pixels, as up to
  ///   PyTorch 1.2; else they are the image's edges.
  public init(_ w: WeightScope, alignCorners: Bool = false) throws {
    path = w.path
    self.alignCorners = alignCorners
    conv1 = try Conv2d(w / "conv1", in: 1, out: 10, kernel: 5)
    conv2 = try Conv2d(w / "conv2", in: 10, out: 20, kernel: 5)
    drop = .dropout2d(w / "conv2_drop")
    fc1 = try Linear(w / "fc1", in: 320, out: 50)
    fc2 = try Linear(w / "fc2", in: 50, out: 10)
    localization = try Sequential(
      w / "localization",
      { try Conv2d($0, in: 1, out: 8, kernel: 7) },
      { MaxPool2d($0, kernel: 2) },
      { ReLU($0) },
      { try Conv2d($0, in: 8, out: 10, kernel: 5) },
      { MaxPool2d($0, kernel: 2) },
      { ReLU($0) })
    fcLoc = try Sequential(
      w / "fc_loc",
      { try Linear($0, in: 90, out: 32) },
      { ReLU($0) },
      { try Linear($0, in: 32, out: 6) })
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    try forward(x, alignCorners: alignCorners)
  }

  /// - Parameter isTransposed: Whether θ's rows are read for y and x instead of x and y.
  package func forward(
    _ x: Tensor, alignCorners: Bool, isTransposed: Bool = false
  ) throws -> Tensor {
    // Other sizes leave maps that are not the 3×3 and 4×4 that fc_loc and fc1 read.
    guard x.rank == 4, x.shape[1] == 1, x.shape.suffix(2).allSatisfy((28...29).contains) else {
      throw WeighbridgeError(
        .shape, "stn takes [N, 1, H, W] with H and W 28 or 29, got \(x.shape)", entry: path.name)
    }
    return try classified(straightened(x, alignCorners, isTransposed))
  }

  /// The log-probabilities of a straightened image.
  package func classified(_ x: Tensor) throws -> Tensor {
    let pool = PoolingGeometry(.maximum, kernel: 2)
    var y = try conv1(x).pooled(pool).activated(.relu)
    y = try drop(conv2(y)).pooled(pool).activated(.relu)
    y = try fc1(y.flattened(from: 1)).activated(.relu)
    return try fc2(y).logSoftmax(axis: 1)
  }

  /// x seen through the affine map that the localisation network reads from it: θ [N, 2, 3], row 0
  /// for x and row 1 for y; bilinear, zeros outside.
  private func straightened(
    _ x: Tensor, _ alignCorners: Bool, _ isTransposed: Bool
  ) throws -> Tensor {
    var theta = try fcLoc(localization(x).flattened(from: 1)).reshaped([-1, 2, 3])
    if isTransposed { theta = try theta.flipped(1) }
    let size = Pair(x.shape[2], x.shape[3])
    let grid = try theta.affineGrid(size: size, alignCorners: alignCorners)
    return try x.gridSampled(grid, alignCorners: alignCorners)
  }
}

extension SpatialTransformer: Architecture {
  public static let id = "stn"
  public static let summary = "Spatial transformer that straightens and classifies digits"
  public static let keys = [
    ConfigurationKey(
      "align_corners", .boolean, default: .boolean(false),
      "whether the corners' centres are ±1, as up to PyTorch 1.2; else the image's edges")
  ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains(
      "localization.0.weight", "localization.3.weight", "fc_loc.0.weight", "fc_loc.2.weight",
      "conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight")
  }

  /// From the key `align_corners`.
  ///
  /// - Throws: `usage` for a missing value, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    try self.init(w, alignCorners: configuration.boolean("align_corners"))
  }
}
