import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// Plans how checkpoints become models of the architectures that it knows.
public struct Loader: Sendable {
  /// The architectures that a checkpoint may be of.
  public let registry: ArchitectureRegistry

  /// A loader of these architectures alone.
  public init(_ registry: ArchitectureRegistry) {
    self.registry = registry
  }

  /// Plans an import. Nothing is read but headers.
  ///
  /// - Parameters:
  ///   - checkpoint: The open file.
  ///   - model: The architecture's id; `nil` or `auto` to identify it from a native file's metadata,
  ///     else from names and shapes, else from the reference's metadata.
  ///   - overrides: Configuration values as text. They win over metadata and defaults, and may not
  ///     contradict shapes.
  ///   - reference: The metadata of a reference recorded with the weights.
  ///   - rules: Applied to the file's names first.
  ///   - root: The part of the file that is meant, where it holds several: `ema`,
  ///     `state_dict.module`. Without it exact names win, and two complete copies are an error.
  /// - Returns: A plan whose report may say that the names do not map one to one.
  /// - Throws: `usage` for an unknown architecture, key or impossible value; `mapping` when the
  ///   architecture cannot be told, or shapes contradict the configuration.
  public func plan(
    _ checkpoint: any Checkpoint, model: String? = nil,
    overrides: [(key: String, text: String)] = [], reference: RecordedMetadata? = nil,
    rules: Rules = Rules(), root: String? = nil
  ) throws -> ImportPlan {
    let native = try RecordedMetadata(native: checkpoint)
    var rules = rules
    var notes: [String] = []
    if let native, !rules.isEmpty, native.rulesDigest == rules.digest {
      notes.append("these rules were applied when the file was written, and are not applied again")
      rules = Rules()
    }
    if rules.isEmpty { try checkpoint.refuseReference() }
    var model = model == "auto" ? nil : model
    var dialect: Dialect?
    if rules.isEmpty, native == nil, root == nil,
      let found = Dialect.recognized(checkpoint.entries.map(\.name), model: model)
    {
      (dialect, rules) = (found.dialect, try found.dialect.rules(lead: found.lead))
      if found.dialect.models.count == 1 { model = found.dialect.models[0] }
      notes.append(
        "the names are of \(found.dialect.origin): the dialect \(found.dialect.id), unless "
          + "\(Setting.rules) says otherwise")
    }
    let candidates = try Candidates(checkpoint, rules: rules, root: root)
    let architecture: AnyArchitecture
    if let model {
      architecture = try registry.architecture(model)
      if let named = native?.model, named != model {
        notes.append("the file says it is \(named); \(model) was asked for")
      }
    } else {
      architecture = try identify(
        candidates, native: native, reference: reference, overrides: overrides, &notes)
    }
    let resolver = ConfigurationResolver(
      architecture: architecture, native: native, reference: reference, overrides: overrides,
      carried: checkpoint.metadata, dialect: dialect?.statement(beside: checkpoint.metadata),
      file: checkpoint.path)
    var plan = try plan(candidates, resolver, rules: rules, notes: notes)
    if dialect != nil { plan.report.shipped = rules }
    if native == nil, rules.isEmpty { try Loader.refuseTransposed(checkpoint, plan.ledger) }
    return plan
  }

  /// MLX's kernels are read by their names, which do not say that one is transposed: its order is another.
  private static func refuseTransposed(_ checkpoint: any Checkpoint, _ ledger: Ledger) throws {
    guard checkpoint.metadata["format"] == "mlx",
      let kernel = ledger.requests.first(where: { $0.role == .transposedConvolutionWeight })
    else { return }
    throw WeighbridgeError(
      .unsupported, "is MLX's, and a transposed kernel's order is not known there",
      file: checkpoint.path, entry: kernel.name,
      remedy: "Say with \(Setting.rules) how its axes are permuted")
  }

  /// Plans a model that has no weights, such as attention itself.
  ///
  /// - Throws: `usage` for an unknown architecture, key or impossible value, and for an architecture
  ///   that has weights.
  public func plan(
    weightless model: String, overrides: [(key: String, text: String)] = [],
    reference: RecordedMetadata? = nil
  ) throws -> ImportPlan {
    let plan = try plan(
      MemoryCheckpoint([(name: String, tensor: Tensor)](), path: "no weights"), model: model,
      overrides: overrides, reference: reference)
    guard plan.ledger.requests.isEmpty else {
      throw WeighbridgeError(
        .usage, "\(model) has \(plan.ledger.requests.count) parameters and buffers",
        remedy: "Give their file with \(Setting.weights)")
    }
    return plan
  }

  private func plan(
    _ candidates: Candidates, _ resolver: ConfigurationResolver, rules: Rules, notes: [String]
  ) throws -> ImportPlan {
    let stated = try resolver.stated()
    var infers = true
    let fit: Fit
    do {
      fit = try candidates.best { stateDict, source in
        try resolver.ledger(for: stateDict, stated.configuration, source: source).ledger
      }
    } catch let error as WeighbridgeError where error.code == .mapping {
      guard let other = misshapen(candidates, resolver, stated.configuration) else { throw error }
      (fit, infers) = (other, false)
    }
    let source = CheckpointSource(candidates.checkpoint, fit.stateDict)
    let configuration = try resolver.ledger(
      for: fit.stateDict, stated.configuration, source: source, infers: infers
    ).configuration
    var report = fit.report
    if report.isForeign {
      report.resembles =
        candidates.stateDicts.lazy
        .map { registry.recognize($0.shapes).map { $0.id } }.first { !$0.isEmpty } ?? []
      // A list of every pair that happens to have one shape helps nobody.
      report.suggestions = []
    }
    report.notes = notes + stated.notes + report.notes + configuration.assumptions
    return ImportPlan(
      checkpoint: candidates.checkpoint, architecture: resolver.architecture,
      configuration: configuration, ledger: fit.ledger, report: report, source: source,
      rules: rules, contradictions: stated.contradictions)
  }
}

extension Loader {
  /// How a checkpoint fits the configuration that is stated, where its shapes contradict that only
  /// because its tensors are in other layouts: each that does not fit has a rule that makes it.
  private func misshapen(
    _ candidates: Candidates, _ resolver: ConfigurationResolver, _ stated: Configuration
  ) -> Fit? {
    let fit = try? candidates.best { stateDict, source in
      try resolver.ledger(for: stateDict, stated, source: source, infers: false).ledger
    }
    guard let fit, fit.report.missing.isEmpty, fit.report.unexpected.isEmpty,
      fit.report.collisions.isEmpty, !fit.report.mismatched.isEmpty,
      fit.report.suggestions.count == fit.report.mismatched.count
    else { return nil }
    return fit
  }
}

extension Configuration {
  /// The keys that shapes could not tell and nobody said.
  var assumed: [String] { keys.map(\.name).filter { entries[$0]?.origin == .assumed } }

  /// The same with their values, in words.
  fileprivate var assumptions: [String] {
    let values = keys.compactMap { key in
      entries[key.name].flatMap {
        key.hasEffect && $0.origin == .assumed ? "\(key.name)=\($0.value)" : nil
      }
    }
    return values.isEmpty
      ? [] : ["assumed, since shapes do not tell: \(values.joined(separator: ", "))"]
  }
}
