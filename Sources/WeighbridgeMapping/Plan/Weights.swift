import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// Loads checkpoints into your own modules.
///
/// ```swift
/// struct Net: Module {
///   let path: ModulePath
///   let conv: Conv2d, head: Linear
///   init(_ w: WeightScope) throws {
///     path = w.path
///     conv = try Conv2d(w / "conv", in: 3, out: 8, kernel: 3)
///     head = try Linear(w / "head", in: 8, out: 10)
///   }
///   func forward(_ x: Tensor) throws -> Tensor { … }
/// }
/// let net = try Weights.load("net.npz") { try Net($0) }
/// ```
public enum Weights {
  /// Opens a checkpoint of any format and loads a module from it.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - dtype: The dtype in which the module runs: `float32`, or `float64` on the reference kernels.
  ///   - rules: Applied to the file's names first.
  ///   - root: The part of the file that is meant, where it holds several copies: `ema`.
  ///   - build: The module's initialiser.
  /// - Throws: `mapping` when the names do not map one to one, and what reading throws.
  public static func load<M: Module>(
    _ path: String, dtype: DType = .float32, rules: Rules = Rules(), root: String? = nil,
    _ build: (WeightScope) throws -> M
  ) throws -> M {
    try load(Checkpoints.open(path), dtype: dtype, rules: rules, root: root, build)
  }

  /// Loads a module from an open checkpoint.
  ///
  /// - Throws: `mapping` when the names do not map one to one, and what reading throws.
  public static func load<M: Module>(
    _ checkpoint: any Checkpoint, dtype: DType = .float32, rules: Rules = Rules(),
    root: String? = nil,
    _ build: (WeightScope) throws -> M
  ) throws -> M {
    try load(checkpoint, dtype: dtype, rules: rules, root: root, keeping: nil, build)
  }

  /// Loads a module in float32, and what it takes to build it again with some weights changed.
  ///
  /// - Throws: As `load` does.
  public static func loadKeeping<M: Module>(
    _ checkpoint: any Checkpoint, rules: Rules = Rules(), root: String? = nil,
    _ build: @escaping (WeightScope) throws -> M
  ) throws -> (model: M, rebinding: Rebinding) {
    let kept = KeptWeights()
    let model = try load(
      checkpoint, dtype: .float32, rules: rules, root: root, keeping: kept, build)
    return (model, Rebinding(kept) { try build($0) })
  }

  private static func load<M: Module>(
    _ checkpoint: any Checkpoint, dtype: DType, rules: Rules, root: String?,
    keeping kept: KeptWeights?, _ build: (WeightScope) throws -> M
  ) throws -> M {
    if rules.isEmpty { try checkpoint.refuseReference() }
    let fit = try Candidates(checkpoint, rules: rules, root: root).best { _, source in
      try WeightScope.describe(source: source, build)
    }
    if let error = fit.report.listingError(file: checkpoint.path) { throw error }
    let source = CheckpointSource(checkpoint, fit.stateDict)
    try source.readAhead(fit.ledger.requests.filter { $0.role != .counter }.map(\.name))
    return try WeightScope.bind(source, dtype: dtype, keeping: kept, build)
  }

  /// How a checkpoint fits a module, without loading it.
  ///
  /// - Throws: What reading headers and the initialiser throw.
  public static func report<M: Module>(
    _ path: String, rules: Rules = Rules(), root: String? = nil,
    _ build: (WeightScope) throws -> M
  ) throws -> MappingReport {
    try report(Checkpoints.open(path), rules: rules, root: root, build)
  }

  /// How an open checkpoint fits a module, without loading it.
  ///
  /// - Throws: What the initialiser throws.
  public static func report<M: Module>(
    _ checkpoint: any Checkpoint, rules: Rules = Rules(), root: String? = nil,
    _ build: (WeightScope) throws -> M
  ) throws -> MappingReport {
    try Candidates(checkpoint, rules: rules, root: root).best { _, source in
      try WeightScope.describe(source: source, build)
    }.report
  }
}

extension Architecture {
  /// Loads this architecture from a checkpoint of any format; shapes and metadata configure it.
  ///
  /// - Parameter configuration: What shapes do not tell, as text by key.
  /// - Throws: `mapping` when the names do not map one to one, `usage` for values that cannot be, and
  ///   what reading throws.
  public static func load(
    from path: String, configuration: [String: String] = [:], dtype: DType = .float32,
    rules: Rules = Rules(), root: String? = nil
  ) throws -> Self {
    let overrides = configuration.sorted { $0.key < $1.key }.map { (key: $0.key, text: $0.value) }
    let plan = try Loader(ArchitectureRegistry([Self.self])).plan(
      Checkpoints.open(path), model: id, overrides: overrides, rules: rules, root: root)
    guard let model = try plan.bind(dtype: dtype) as? Self else {
      throw WeighbridgeError(.mapping, "the plan is for another architecture", file: path)
    }
    return model
  }
}
