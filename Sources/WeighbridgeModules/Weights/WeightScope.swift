import Synchronization

/// Where a module's initialiser gets its parameters: a position in the model's tree of names.
///
/// The same initialiser runs twice. The first pass *describes*: every request is noted, and answered
/// with a descriptor; from it comes the complete list of what the model wants. The second pass
/// *binds*: requests are answered with tensors. No module can be half loaded, since nothing is bound
/// before the list is known to fit.
public struct WeightScope: Sendable {
  /// The path of the module that is being built.
  public let path: ModulePath
  private let construction: Construction
  private let deadReason: String?
  /// What the configuration says of the norms in this scope.
  let norms: NormSettings

  private init(
    path: ModulePath, construction: Construction, deadReason: String? = nil,
    norms: NormSettings = NormSettings()
  ) {
    self.path = path
    self.construction = construction
    self.deadReason = deadReason
    self.norms = norms
  }

  /// A scope whose norms have the eps that a configuration gives with `bn_eps` and `ln_eps`, where
  /// its architecture has such keys and they are not `none`.
  ///
  /// - Throws: `usage` for a value that is no eps.
  public func normalizing(as configuration: Configuration) throws -> WeightScope {
    WeightScope(
      path: path, construction: construction, deadReason: deadReason,
      norms: try NormSettings(configuration))
  }

  /// The scope of a child: `w / "fc"`, `w / 0`.
  public static func / (scope: WeightScope, child: some CustomStringConvertible) -> WeightScope {
    WeightScope(
      path: scope.path / child, construction: scope.construction, deadReason: scope.deadReason,
      norms: scope.norms)
  }

  /// A scope whose parameters can change no output, and why: they are loaded, reported as dead and
  /// never applied.
  public func dead(because reason: String) -> WeightScope {
    WeightScope(
      path: path, construction: construction, deadReason: reason, norms: norms)
  }

  /// The learned parameter `name` of this module.
  ///
  /// - Throws: while binding, when it is missing, of another shape or unreadable; always, when the
  ///   model asks for one name twice.
  public func parameter(_ name: String, _ role: ParameterRole, _ shape: Shape) throws -> Tensor {
    try construction.request(self.request(name, role, shape))
  }

  /// The buffer `name` of this module.
  public func buffer(_ name: String, _ role: ParameterRole, _ shape: Shape) throws -> Tensor {
    var request = request(name, role, shape)
    request.isBuffer = true
    return try construction.request(request)
  }

  /// A parameter that older or newer checkpoints lack: `nil` when the source has none. Where there is
  /// no source, as when a manifest is printed, `byDefault` decides.
  public func parameter(
    ifPresent name: String, _ role: ParameterRole, _ shape: Shape, byDefault: Bool
  ) throws -> Tensor? {
    var request = request(name, role, shape)
    guard construction.contains(request.name) ?? byDefault else { return nil }
    request.isOptional = true
    return try construction.request(request)
  }

  /// A buffer whose absence is tolerated and whose value nothing uses, such as
  /// `num_batches_tracked`.
  package func toleratedBuffer(_ name: String, _ role: ParameterRole, _ shape: Shape) throws {
    var request = request(name, role, shape)
    request.isBuffer = true
    request.isOptional = true
    try construction.note(request)
  }

  /// A further name of a tensor that the model has: a state dict holds a module with two names twice. Its
  /// absence is tolerated.
  ///
  /// - Parameters:
  ///   - original: The tensor as it was given; without it nothing is compared.
  ///   - first: The name that it was given under, for the message.
  /// - Throws: `mapping` while binding, where the source has other values under this name.
  package func otherName(
    _ name: String, _ role: ParameterRole, _ shape: Shape, of original: Tensor?, named first: String
  ) throws {
    try toleratedBuffer(name, role, shape)
    guard let original, let copy = try construction.given(request(name, role, shape)) else {
      return
    }
    guard copy.shape == original.shape,
      try copy.converted(to: original.dtype).hasSameBits(as: original)
    else {
      throw WeighbridgeError(
        .mapping, "is another name of '\(first)', for which the file has other values",
        entry: (path / name).name,
        remedy: "PyTorch takes the last one: drop the one that is not meant by a rule")
    }
  }

  /// The dtype in which the model will run.
  package var dtype: DType { construction.dtype }

  /// Notes something about the model that a plan should say.
  package func remark(_ text: String) { construction.remark(text) }

  /// Whether the source has a tensor of this name in this scope; `nil` when there is no source.
  public func contains(_ name: String) -> Bool? {
    construction.contains((path / name).name)
  }

  /// The learned parameter `name` of a layer whose operator takes 16-bit weights beside float32: they
  /// stay as they are stored.
  func parameter(
    asStored name: String, _ role: ParameterRole, _ shape: Shape
  ) throws -> Tensor {
    var request = request(name, role, shape)
    request.staysNarrow = true
    return try construction.request(request)
  }

  private func request(_ name: String, _ role: ParameterRole, _ shape: Shape) -> ParameterRequest {
    ParameterRequest(
      name: (path / name).name, role: role, shape: shape, deadReason: deadReason)
  }
}

extension WeightScope {
  /// Runs an initialiser against descriptors only, and gives the list of what it asked for.
  ///
  /// - Parameters:
  ///   - source: Answers which optional parameters exist; `nil` for the defaults.
  ///   - build: The initialiser.
  public static func describe<M>(
    source: (any WeightSource)? = nil, _ build: (WeightScope) throws -> M
  ) throws -> Ledger {
    let construction = Construction(source: source, dtype: .float32, binds: false)
    _ = try build(WeightScope(path: .root, construction: construction))
    return construction.ledger
  }

  /// Runs an initialiser against a source and gives the loaded model. Floating-point tensors are
  /// converted to `dtype`, in which the model then runs; 16-bit weights of linear maps and convolutions
  /// only when they are used, so that they take half the memory.
  ///
  /// - Parameter kept: Keeps what the model is given, so that it can be built again.
  /// - Throws: when a parameter is missing, of another shape, or unreadable.
  public static func bind<M>(
    _ source: any WeightSource, dtype: DType = .float32, keeping kept: KeptWeights? = nil,
    _ build: (WeightScope) throws -> M
  ) throws -> M {
    let construction = Construction(source: source, dtype: dtype, binds: true, kept: kept)
    return try build(WeightScope(path: .root, construction: construction))
  }
}

/// One pass of an initialiser: where requests are noted and answered.
private final class Construction: Sendable {
  private struct State {
    var requests: [ParameterRequest] = []
    var names: Set<String> = []
    var remarks: [String] = []
  }

  private let source: (any WeightSource)?
  let dtype: DType
  private let binds: Bool
  private let kept: KeptWeights?
  private let state = Mutex(State())

  init(source: (any WeightSource)?, dtype: DType, binds: Bool, kept: KeptWeights? = nil) {
    self.source = source
    self.dtype = dtype
    self.binds = binds
    self.kept = kept
  }

  var ledger: Ledger {
    state.withLock { Ledger($0.requests, remarks: $0.remarks) }
  }

  func remark(_ text: String) { state.withLock { $0.remarks.append(text) } }

  func contains(_ name: String) -> Bool? { source?.contains(name) }

  func note(_ request: ParameterRequest) throws {
    let isNew = state.withLock { state in
      guard state.names.insert(request.name).inserted else { return false }
      state.requests.append(request)
      return true
    }
    guard isNew else {
      throw WeighbridgeError(
        .mapping, "the model asks for this parameter twice", entry: request.name,
        remedy: "Give every module its own scope")
    }
  }

  /// What the source has of a name; `nil` where it has nothing, or nothing is bound.
  func given(_ request: ParameterRequest) throws -> Tensor? {
    guard binds, let source, contains(request.name) == true else { return nil }
    return try source.tensor(for: request)
  }

  func request(_ request: ParameterRequest) throws -> Tensor {
    try note(request)
    guard binds, let source else {
      return Tensor(describing: dtype, shape: request.shape)
    }
    let tensor = try source.tensor(for: request)
    guard tensor.shape == request.shape else {
      throw WeighbridgeError(
        .mapping, "the model wants shape \(request.shape), the checkpoint has \(tensor.shape)",
        entry: request.name)
    }
    // A dead parameter is never applied, so its values need not be touched.
    guard request.deadReason == nil, request.role.isComputedWith else {
      kept?.keep(request, tensor)
      return tensor
    }
    let staysNarrow =
      request.staysNarrow && dtype == .float32 && tensor.dtype.isHalfPrecision
    let converted = staysNarrow ? tensor : try tensor.converted(to: dtype)
    kept?.keep(request, converted)
    return converted
  }
}
