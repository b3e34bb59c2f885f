import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences

/// One kind of guess at why a layer is wrong. Every guess of the diagnosis stands behind this protocol;
/// `Diagnoser.stages` is the list of them.
protocol Hypothesis: Sendable {
  /// The changes to try on a layer, the likeliest first. Nothing is computed here.
  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change]

  /// Whether the guesses are about what the model computes, and not about its parameters' values.
  var isOfForward: Bool { get }
}

extension Hypothesis {
  var isOfForward: Bool { true }
}

/// One change: a cause, whose mistake it would be, and what the layer returns when it is put right.
struct Change: Sendable {
  let cause: Cause
  let explorer: Explorer
  /// The shape that the layer would return, where that is known.
  var shape: Shape?
  /// How far-fetched it is: of changes that explain a layer alike, the plainest is named.
  var distance = 0
  /// `nil` when the layer could not be computed that way.
  let compute: @Sendable () throws -> Tensor?

  init(
    _ cause: Cause, _ explorer: Explorer, shape: Shape? = nil, distance: Int = 0,
    compute: @escaping @Sendable () throws -> Tensor?
  ) {
    (self.cause, self.explorer, self.shape) = (cause, explorer, shape)
    (self.distance, self.compute) = (distance, compute)
  }
}

/// What hypotheses know beside the layer that they are about.
struct DiagnosisContext: Sendable {
  let reference: Reference
  /// Every module with parameters.
  let parameterized: [(path: ModulePath, parameters: [ModuleParameter])]
  /// The paths of the layers that are wrong, where swapped tensors show first.
  let failing: [ModulePath]
  /// The paths of the modules that ran.
  let called: Set<ModulePath>
  let recorded: RecordedTensors
  /// The tensors among the stored properties of every module that ran, by its path and kind.
  var properties: [ModuleProperties] = []
  /// Whether the model computes what was recorded, operation by operation: then nothing but its parameters
  /// can be wrong.
  var forwardIsRecorded = false
  /// The modules whose own computation holds on recorded results.
  var holding: Set<ModulePath> = []
}

/// A module's tensors that are no layer's parameters: a scale, an embedding.
struct ModuleProperties: Sendable {
  let path: ModulePath
  let kind: String
  let tensors: [(name: String, tensor: Tensor)]
}
