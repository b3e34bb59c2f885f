import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights

/// A native weight file is a source of weights: parameters under a model's own names, in place.
extension NativeWeights: WeightSource {
  /// Whether the file has a parameter of this name, spelled exactly so.
  public func contains(_ name: String) -> Bool {
    entries.contains { ExactText($0.name) == ExactText(name) }
  }

  /// The tensor of the request's name, in place and in the dtype of the file.
  ///
  /// - Throws: What `tensor(_:)` throws.
  public func tensor(for request: ParameterRequest) throws -> Tensor {
    try tensor(request.name)
  }
}

/// Loads modules from native weight files. Needs no system library for files: pure Swift.
///
/// ```swift
/// let net = try NativeWeights.load("net.safetensors") { try Net($0) }
/// ```
extension NativeWeights {
  /// Opens a native weight file and loads a module from it. Weights of `dtype` are used in place.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - dtype: The dtype in which the module runs.
  ///   - verifying: Whether every tensor's checksum is compared first, which reads all bytes.
  ///   - build: The module's initialiser.
  /// - Throws: `unreadable`, `malformed`, and `mapping` when the names do not map one to one.
  public static func load<M: Module>(
    _ path: String, dtype: DType = .float32, verifying: Bool = true,
    _ build: (WeightScope) throws -> M
  ) throws -> M {
    try open(path).load(dtype: dtype, verifying: verifying, build)
  }

  /// Loads a module from this file.
  public func load<M: Module>(
    dtype: DType = .float32, verifying: Bool = true, _ build: (WeightScope) throws -> M
  ) throws -> M {
    let source = NativeSource(self)
    try source.check(WeightScope.describe(source: source, build))
    if verifying { try verify() }
    return try WeightScope.bind(source, dtype: dtype, build)
  }

  /// Loads the architecture that the file says it is, as it was configured.
  ///
  /// - Throws: `usage` when the registry has no such architecture; else as the other loads.
  public func load(
    from registry: ArchitectureRegistry, dtype: DType = .float32, verifying: Bool = true
  ) throws -> any Module {
    let architecture = try registry.architecture(manifest.architecture)
    let configuration = try configuration(of: architecture)
    let source = NativeSource(self)
    let build = { (scope: WeightScope) -> any Module in
      try architecture.build(scope, configuration)
    }
    try source.check(WeightScope.describe(source: source, build))
    if verifying { try verify() }
    return try WeightScope.bind(source, dtype: dtype, build)
  }

  /// The configuration in the file's manifest.
  ///
  /// - Throws: `malformed` when it is no JSON object, `usage` for unknown keys or wrong values.
  public func configuration(of architecture: AnyArchitecture) throws -> Configuration {
    var configuration = architecture.defaults
    do {
      guard case .object(let members) = try JSONDocument(parsing: manifest.configuration) else {
        throw WeighbridgeError(.malformed, "the native file's configuration is no JSON object")
      }
      for member in members {
        guard let key = configuration.keys.first(where: { $0.name == member.key }) else {
          throw WeighbridgeError(
            .malformed, "\(architecture.id) has no configuration key '\(member.key)'")
        }
        guard let value = try key.value(of: member.value) else { continue }
        try configuration.set(member.key, value, origin: .metadata)
      }
      try architecture.check(configuration)
    } catch let error as WeighbridgeError {
      throw error.located(file: path)
    }
    return configuration
  }
}

/// The file with its names in a set: a model asks for hundreds of them.
private struct NativeSource: WeightSource {
  let file: NativeWeights
  let entries: [ExactText: SafetensorsEntry]

  init(_ file: NativeWeights) {
    self.file = file
    entries = Dictionary(file.entries.map { (ExactText($0.name), $0) }) { first, _ in first }
  }

  func contains(_ name: String) -> Bool { entries[ExactText(name)] != nil }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    do {
      return try file.tensor(request.name)
    } catch let error as WeighbridgeError {
      throw error.located(file: file.path, entry: request.name)
    }
  }

  /// - Throws: `mapping`, with everything that is missing, unexpected or of another shape.
  func check(_ ledger: Ledger) throws {
    var problems: [String] = []
    var asked: Set<ExactText> = []
    for request in ledger.requests {
      asked.insert(ExactText(request.name))
      guard let entry = entries[ExactText(request.name)] else {
        if !request.isOptional { problems.append("\(request.name) is missing") }
        continue
      }
      guard request.role.isComputedWith else { continue }
      if entry.shape != request.shape {
        problems.append("\(request.name) has shape \(entry.shape), not \(request.shape)")
      } else if !entry.dtype.isFloatingPoint {
        problems.append("\(request.name) is \(entry.dtype), not floating-point")
      }
    }
    problems += file.entries.filter { !asked.contains(ExactText($0.name)) }.map {
      "\($0.name) is unexpected"
    }
    guard !problems.isEmpty else { return }
    let shown = problems.prefix(5).joined(separator: ", ")
    let more = problems.count > 5 ? ", and \(problems.count - 5) more" : ""
    throw WeighbridgeError(
      .mapping, "the names do not map one to one: \(shown)\(more)", file: file.path)
  }
}
