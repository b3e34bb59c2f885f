/// A module that hands on its input: PyTorch's `nn.Identity`, and in inference every kind of
/// dropout, which still has an activation of its own.
public struct Identity: Module {
  public let path: ModulePath
  /// `Identity`, or the class of PyTorch's that hands on its input in inference.
  public let kind: String

  /// - Parameter kind: PyTorch's class name, for reports.
  public init(_ w: WeightScope, kind: String = "Identity") {
    path = w.path
    self.kind = kind
  }

  public func forward(_ x: Tensor) throws -> Tensor { x }

  /// `nn.Dropout`, which does nothing in inference.
  public static func dropout(_ w: WeightScope) -> Identity { Identity(w, kind: "Dropout") }

  /// `nn.Dropout2d`, which does nothing in inference.
  public static func dropout2d(_ w: WeightScope) -> Identity { Identity(w, kind: "Dropout2d") }
}
