/// What a parameter is to its layer. Layout differences between frameworks follow from the role,
/// never from a shape: square matrices defeat guessing.
public enum ParameterRole: String, Sendable, Hashable, Codable, CaseIterable {
  /// A matrix [out, in].
  case linearWeight
  /// A kernel [out, in/groups, height, width].
  case convolutionWeight
  /// A kernel of a transposed convolution [in, out/groups, height, width].
  case transposedConvolutionWeight
  /// A kernel over sequences [out, in/groups, length].
  case sequenceConvolutionWeight
  /// A vector over channels or features: a bias, a norm's scale or shift, a layer scale.
  case vector
  /// A running mean or variance over channels.
  case statistic
  /// The int64 count of batches that a BatchNorm has seen; nothing computes with it.
  case counter
  /// Learned positions or tokens, [1, count, features].
  case embedding
  /// Codewords [count, channels].
  case codewords
  /// Rows to look up, [count, features].
  case table
  /// Whole numbers or conditions, which indices and masks are made of; they keep their dtype.
  case integers

  /// Whether values become floating-point numbers of the dtype that the model runs in.
  package var isComputedWith: Bool { self != .counter && self != .integers }
}

/// One parameter or buffer that a model wants, as its initialiser asked for it.
public struct ParameterRequest: Sendable, Hashable {
  /// The full name, `layer1.0.se.fc.2.weight`.
  public var name: String
  /// What it is to its layer, from which layouts follow.
  public var role: ParameterRole
  /// The shape in PyTorch's layout, which the bound tensor has.
  public var shape: Shape
  /// Whether PyTorch registers it as a buffer rather than as a parameter.
  public var isBuffer: Bool
  /// Whether a checkpoint without it is complete all the same.
  public var isOptional: Bool
  /// Whether nothing computes with it, so that it may be missing: counters, and further names of tensors.
  package var isTolerated: Bool { isBuffer && isOptional }
  /// Why it cannot change any output, when that is so: it is loaded and never applied.
  public var deadReason: String?
  /// Whether 16-bit values stay as they are stored where the model runs in float32.
  package var staysNarrow = false

  /// A request; by default for a parameter that must be there and counts.
  ///
  /// - Parameters:
  ///   - name: The full name within the model.
  ///   - shape: In PyTorch's layout.
  ///   - isBuffer: Whether PyTorch registers it as a buffer.
  ///   - isOptional: Whether a checkpoint may lack it.
  ///   - deadReason: Why it cannot change any output, when that is so.
  public init(
    name: String, role: ParameterRole, shape: Shape, isBuffer: Bool = false,
    isOptional: Bool = false, deadReason: String? = nil
  ) {
    self.name = name
    self.role = role
    self.shape = shape
    self.isBuffer = isBuffer
    self.isOptional = isOptional
    self.deadReason = deadReason
  }
}

/// Everything a model wants, in the order of its initialisers: what the mapping is held against.
public struct Ledger: Sendable, Hashable {
  /// In the order of the initialisers, optional ones and buffers among them.
  public var requests: [ParameterRequest]
  /// What a plan should say of the model, such as norms that take the batch's own statistics.
  public var remarks: [String]

  /// - Parameters:
  ///   - requests: In the order of the initialisers.
  ///   - remarks: What a plan should say of the model.
  public init(_ requests: [ParameterRequest] = [], remarks: [String] = []) {
    self.requests = requests
    self.remarks = remarks
  }

  /// The number of learned values, buffers left out, as PyTorch counts them.
  public var parameterCount: Int {
    requests.filter { !$0.isBuffer }.reduce(0) { $0 &+ $1.shape.elementCount }
  }
}

/// Named tensors under a model's own parameter names: what modules are bound to.
public protocol WeightSource: Sendable {
  /// Whether there is a tensor of this name. Initialisers ask before they want optional parameters.
  func contains(_ name: String) -> Bool
  /// The tensor for a request, in the request's layout, in whatever dtype it is stored.
  ///
  /// - Throws: when it is missing or cannot be read.
  func tensor(for request: ParameterRequest) throws -> Tensor
}
