/// PyTorch's `nn.PReLU` of [N, C, …]: x for x > 0, else weight·x, with one weight or one per channel.
public struct PReLU: DeclaringModule {
  private static let weight = DeclaredParameter<PReLU>("weight", .vector, \.weight)
  /// `weight`.
  public static let declared = [weight]

  public let path: ModulePath
  /// [1] or [C].
  public private(set) var weight: Tensor

  /// - Parameter channels: 1 for one weight for all.
  public init(_ w: WeightScope, channels: Int = 1) throws {
    path = w.path
    weight = try w.parameter(Self.weight, [channels])
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    let channels = weight.shape[0]
    guard channels == 1 || (x.rank >= 2 && x.shape[1] == channels) else {
      throw WeighbridgeError(.shape, "PReLU of \(channels) channels got \(x.shape)")
    }
    let slope = channels == 1 ? weight : try weight.expanded(slopesOf: x)
    return try (x * slope).choosing(x, where: x.compared(.greater, 0))
  }
}

extension Tensor {
  /// [C] as [C, 1, …], to stand beside axis 1.
  fileprivate func expanded(slopesOf x: Tensor) throws -> Tensor {
    try reshaped([shape[0]] + [Int](repeating: 1, count: x.rank - 2))
  }
}
