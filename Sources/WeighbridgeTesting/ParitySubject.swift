import Weighbridge

/// What a test holds against a reference: a model, and how it is loaded.
public struct ParitySubject {
  /// A model that is ready to be judged.
  struct Loaded {
    var name: String
    var configuration: Configuration?
    var mapping: MappingReport?
    /// `nil` when the names do not map one to one.
    var model: (any Module)?
    /// The same model in float64.
    var oracle: (() throws -> any Module)?
    /// What it takes to build the model again with some weights changed.
    var rebinding: Rebinding?
    /// What a program that loads the file alone computes otherwise, on a reference's inputs.
    var differencesAlone: ((Reference) throws -> [String])?
  }

  /// The file with the weights, where there is one.
  let weights: String?
  /// What to call it until it is loaded.
  let name: String
  let load: (RecordedMetadata) throws -> Loaded

  /// A model that is loaded already.
  ///
  /// - Parameters:
  ///   - model: Bound in float32.
  ///   - oracle: Gives the same model bound in float64. Without it, layers whose noise the reference
  ///     does not record are judged element by element.
  public static func model<M: Module>(
    _ model: M, oracle: (() throws -> M)? = nil
  ) -> ParitySubject {
    let name = String(describing: M.self)
    return ParitySubject(weights: nil, name: name) { _ in
      Loaded(name: name, model: model, oracle: oracle.map { make in { try make() } })
    }
  }

  /// Your own module and the checkpoint that it is loaded from, in float32 and, where noise is
  /// not recorded, in float64 too.
  ///
  /// - Parameters:
  ///   - path: The checkpoint, of any format.
  ///   - rules: Applied to the file's names first.
  ///   - root: The part of the file that is meant, where it holds several copies: `ema`.
  ///   - build: The module's initialiser.
  public static func weights<M: Module>(
    _ path: String, rules: Rules = Rules(), root: String? = nil,
    _ build: @escaping (WeightScope) throws -> M
  ) -> ParitySubject {
    let name = String(describing: M.self)
    return ParitySubject(weights: path, name: name) { _ in
      let report = try Weights.report(path, rules: rules, root: root, build)
      guard report.isOneToOne else { return Loaded(name: name, mapping: report) }
      let (model, rebinding) = try Weights.loadKeeping(
        Checkpoints.open(path), rules: rules, root: root, build)
      return Loaded(
        name: name, mapping: report, model: model,
        oracle: { try Weights.load(path, dtype: .float64, rules: rules, root: root, build) },
        rebinding: rebinding)
    }
  }

  /// An architecture and a checkpoint; shapes, the file's metadata and the reference's configure it.
  ///
  /// - Parameter configuration: What they do not tell, as text by key.
  public static func architecture<A: Architecture>(
    _ type: A.Type, weights path: String, configuration: [String: String] = [:],
    rules: Rules = Rules(), root: String? = nil
  ) -> ParitySubject {
    ParitySubject(weights: path, name: A.id) { metadata in
      let overrides = configuration.sorted { $0.key < $1.key }.map { (key: $0.key, text: $0.value) }
      let plan = try Loader(ArchitectureRegistry([type])).plan(
        Checkpoints.open(path), model: A.id, overrides: overrides, reference: metadata,
        rules: rules, root: root)
      return try loaded(plan)
    }
  }

  /// An import that is planned already.
  public static func plan(_ plan: ImportPlan) -> ParitySubject {
    ParitySubject(weights: plan.checkpoint.path, name: plan.architecture.id) { _ in
      try loaded(plan)
    }
  }

  private static func loaded(_ plan: ImportPlan) throws -> Loaded {
    var loaded = Loaded(
      name: plan.architecture.id, configuration: plan.configuration, mapping: plan.report)
    guard plan.report.isOneToOne else { return loaded }
    let (model, rebinding) = try plan.bindKeeping()
    (loaded.model, loaded.rebinding) = (model, rebinding)
    loaded.oracle = { try plan.bind(dtype: .float64) }
    loaded.differencesAlone = { try plan.differencesAlone(on: $0, model) }
    return loaded
  }
}

extension ParitySubject {
  /// Holds it against a reference file. What stops it is in the verdict, too.
  func verdict(_ path: String, _ options: ValidationOptions) -> Verdict {
    var verdict = Verdict(model: name)
    do {
      try judge(path, options, &verdict)
    } catch let error as WeighbridgeError {
      verdict.failure = error
    } catch {
      verdict.failure = WeighbridgeError(.engine, "\(error)")
    }
    return verdict
  }

  private func judge(
    _ path: String, _ options: ValidationOptions, _ verdict: inout Verdict
  ) throws {
    let reference = try Reference(path: path)
    verdict.environment.framework = reference.metadata.framework
    verdict.environment.files = [(role: "weights", path: weights), ("reference", path)].compactMap {
      role, path in path.map { .init(role: role, path: $0) }
    }
    let loaded = try load(reference.metadata)
    verdict.model = loaded.name
    verdict.configuration = loaded.configuration
    verdict.mapping = loaded.mapping
    guard let model = loaded.model else { return }
    var result = try Validator(reference, options: options)
      .validate(model, oracle: loaded.oracle, rebinding: loaded.rebinding)
    result.otherDifferences += try loaded.differencesAlone?(reference) ?? []
    verdict.result = result
  }
}
