import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeTensors

/// Finds which tensor of a file each parameter of a model is, whatever the file calls them.
///
/// Where a reference is at hand, layers decide: each is run alone on its recorded input with the tensors
/// that fit, and what gives its recorded output is right. What that leaves open, and everything where
/// there is no reference, is decided by names, by the order of layers and by shapes; what nothing decides
/// is listed.
public struct Aligner: Sendable {
  private let loader: Loader

  /// - Parameter loader: Knows the architectures that may be asked for.
  public init(_ loader: Loader) { self.loader = loader }

  /// - Parameters:
  ///   - model: The architecture's id.
  ///   - overrides: Configuration values as text.
  ///   - reference: Recorded with these weights.
  ///   - onProgress: Told what is being done, and how much of it is done.
  /// - Throws: `usage` for an unknown architecture, key or impossible value, and what reading the file
  ///   and the reference throw.
  public func align(
    _ checkpoint: any Checkpoint, model: String, overrides: [(key: String, text: String)] = [],
    reference: Reference? = nil,
    onProgress: @escaping @Sendable (AlignmentProgress) -> Void = { _ in }
  ) throws -> Alignment {
    let asked = try loader.demand(
      of: checkpoint, model: model, overrides: overrides, reference: reference?.metadata)
    let catalog = try SourceCatalog(checkpoint)
    let demand = Demand(asked.ledger)
    var assembly = AlignmentAssembly(catalog, demand)
    if let reference {
      let (architecture, configuration) = (asked.architecture, asked.configuration)
      var prover = Prover(
        catalog, demand, reference, build: { try architecture.build($0, configuration) },
        meter: Meter(onProgress))
      try reference.computing { try prover.run() }
      assembly.take(prover)
    }
    assembly.takeNames()
    return try assembly.alignment(
      model: asked.architecture.id, configuration: asked.configuration,
      notes: asked.notes + asked.ledger.remarks)
  }
}
