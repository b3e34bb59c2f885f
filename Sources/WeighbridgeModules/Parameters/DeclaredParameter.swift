/// A parameter or buffer of a layer, said once: its name, what it is, and where the layer keeps it.
///
/// The layer binds it by this (`WeightScope.parameter(_:_:)`), and what lists and replaces a layer's
/// parameters derives from `DeclaringModule.declared`:
///
/// ```swift
/// public struct Scale: DeclaringModule {
///   static let factor = DeclaredParameter<Scale>("factor", .vector, \.factor)
///   public static let declared = [factor]
///   public let path: ModulePath
///   public private(set) var factor: Tensor
///
///   public init(_ w: WeightScope, channels: Int) throws {
///     path = w.path
///     factor = try w.parameter(Self.factor, [channels])
///   }
///   public func forward(_ x: Tensor) throws -> Tensor { try x * factor }
/// }
/// ```
public struct DeclaredParameter<Layer>: Sendable {
  /// The name within the module: `weight`, `out_proj.bias`.
  public let name: String
  /// What it is to the layer, from which layouts follow.
  public let role: ParameterRole
  /// What equal parts of its first axis are, where they serve different ends: `q`, `k`, `v`.
  public let sections: [String]
  /// Whether PyTorch registers it as a buffer.
  public let isBuffer: Bool
  private let tensor: @Sendable (Layer) -> Tensor?
  private let replace: @Sendable (inout Layer, Tensor) -> Void

  /// A parameter that every such layer has.
  public init(
    _ name: String, _ role: ParameterRole, _ place: WritableKeyPath<Layer, Tensor> & Sendable,
    sections: [String] = []
  ) {
    (self.name, self.role, self.sections, isBuffer) = (name, role, sections, false)
    tensor = { $0[keyPath: place] }
    replace = { $0[keyPath: place] = $1 }
  }

  /// A parameter or buffer that some such layers lack. What a layer lacks is never put there.
  public init(
    _ name: String, _ role: ParameterRole,
    ifPresent place: WritableKeyPath<Layer, Tensor?> & Sendable,
    isBuffer: Bool = false
  ) {
    (self.name, self.role, sections, self.isBuffer) = (name, role, [], isBuffer)
    tensor = { $0[keyPath: place] }
    replace = { if $0[keyPath: place] != nil { $0[keyPath: place] = $1 } }
  }

  private init(_ other: Self, name: String) {
    (self.name, role, sections, isBuffer) = (name, other.role, other.sections, other.isBuffer)
    (tensor, replace) = (other.tensor, other.replace)
  }

  /// The same under a longer name: `weight_ih` as `weight_ih_l0_reverse`.
  func suffixed(_ suffix: String) -> Self { Self(self, name: name + suffix) }

  /// What a layer has of it.
  func parameter(of layer: Layer) -> ModuleParameter? {
    tensor(layer).map { ModuleParameter(name, role, $0, sections: sections) }
  }

  /// Puts the tensor of its name, if there is one, into a layer that has it.
  func put(_ tensors: [String: Tensor], into layer: inout Layer) {
    if let tensor = tensors[name] { replace(&layer, tensor) }
  }
}

/// A layer that says once which parameters it has.
public protocol DeclaringModule: ParameterizedModule {
  /// In the order of PyTorch's state dict.
  static var declared: [DeclaredParameter<Self>] { get }
}

extension DeclaringModule {
  /// Those declared parameters and buffers that this layer has.
  public var parameters: [ModuleParameter] {
    Self.declared.compactMap { $0.parameter(of: self) }
  }

  /// A copy in which those that the layer has are replaced; other names are passed over.
  public func replacing(_ tensors: [String: Tensor]) -> Self {
    Self.declared.reduce(into: self) { copy, declared in declared.put(tensors, into: &copy) }
  }
}

extension WeightScope {
  /// The tensor of a declared parameter or buffer.
  ///
  /// - Throws: while binding, when it is missing, of another shape or unreadable; always, when the
  ///   model asks for one name twice.
  public func parameter<Layer>(
    _ declared: DeclaredParameter<Layer>, _ shape: Shape
  ) throws -> Tensor {
    declared.isBuffer
      ? try buffer(declared.name, declared.role, shape)
      : try parameter(declared.name, declared.role, shape)
  }

  /// The tensor of a declared parameter whose 16-bit values stay as they are stored.
  func parameter<Layer>(
    asStored declared: DeclaredParameter<Layer>, _ shape: Shape
  ) throws -> Tensor {
    try parameter(asStored: declared.name, declared.role, shape)
  }

  /// The same under a policy, for biases.
  func parameter<Layer>(
    _ declared: DeclaredParameter<Layer>, _ policy: BiasPolicy, _ shape: Shape
  ) throws -> Tensor? {
    switch policy {
    case .present: try parameter(declared, shape)
    case .absent: nil
    case .ifPresent:
      try parameter(ifPresent: declared.name, declared.role, shape, byDefault: false)
    }
  }
}
