import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// How a checkpoint becomes a model: the architecture, its configuration, and the mapping of names.
/// Nothing has been read but headers.
public struct ImportPlan: Sendable {
  /// The open file; tensors are read from it when the model is bound.
  public let checkpoint: any Checkpoint
  /// What is built.
  public let architecture: AnyArchitecture
  /// What it is built with, and where each value came from.
  public let configuration: Configuration
  /// Everything the model asks for.
  public let ledger: Ledger
  /// How the names and shapes of both fit.
  public internal(set) var report: MappingReport
  /// Tensors under the model's names.
  public let source: CheckpointSource
  /// The rules that were applied.
  public let rules: Rules
  /// What a native file's own configuration assumes and the reference contradicts, in words: a program
  /// that loads the file alone runs another network than this plan.
  public var contradictions: [String] = []

  /// Loads the model as a program runs it: compiled, in `dtype`.
  ///
  /// - Throws: As `bind` does.
  public func compiled(dtype: DType = .float32) throws -> any Module {
    try bind(dtype: dtype).compiled()
  }

  /// Loads the model, in `dtype`. It is of the architecture's type; each of its modules runs for itself.
  ///
  /// - Throws: `mapping` when the names do not map one to one, and what reading throws.
  public func bind(dtype: DType = .float32) throws -> any Module {
    try bind(dtype: dtype, keeping: nil)
  }

  /// Loads the model in float32, and what it takes to build it again with some weights changed.
  ///
  /// - Throws: As `bind` does.
  public func bindKeeping() throws -> (model: any Module, rebinding: Rebinding) {
    let kept = KeptWeights()
    let model = try bind(dtype: .float32, keeping: kept)
    let (architecture, configuration) = (architecture, configuration)
    return (model, Rebinding(kept) { try architecture.build($0, configuration) })
  }

  private func bind(dtype: DType, keeping kept: KeptWeights?) throws -> any Module {
    try requireOneToOne()
    try readAhead()
    let (architecture, configuration) = (architecture, configuration)
    return try WeightScope.bind(source, dtype: dtype, keeping: kept) {
      scope -> any Module in
      try architecture.build(scope, configuration)
    }
  }

  /// - Throws: `mapping` when the names do not map one to one.
  package func requireOneToOne() throws {
    if let error = report.listingError(file: checkpoint.path) { throw error }
  }

  private func readAhead() throws {
    try source.readAhead(ledger.requests.filter { $0.role != .counter }.map(\.name))
  }
}

/// Weights that are no numbers, in one tensor.
public struct NonFiniteWeights: Sendable, Hashable {
  /// The full name, `layer1.0.conv1.weight`.
  public let parameter: String
  /// How many values are NaN.
  public let nan: Int
  /// How many values are +∞ or −∞.
  public let infinite: Int
}

extension ImportPlan {
  /// Looks for NaN and infinite values in every parameter: one pass over all bytes.
  ///
  /// - Throws: What reading throws.
  public func nonFiniteWeights() throws -> [NonFiniteWeights] {
    try report.matched.compactMap { match in
      guard match.dtype.isFloatingPoint else { return nil }
      let figures = try TensorStatistics(source.tensor(match.parameter))
      guard figures.nan + figures.infinite > 0 else { return nil }
      return NonFiniteWeights(
        parameter: match.parameter, nan: figures.nan, infinite: figures.infinite)
    }
  }
}
