import WeighbridgeModules
import WeighbridgeReferences

/// What holding a model against a reference found.
public struct ParityResult: Sendable {
  /// What the network is called: an architecture's id, else its type's name.
  public var model = "model"
  /// Every tensor that a module returned, in the order in which the calls returned.
  public var layers: [LayerVerdict] = []
  /// The model's outputs.
  public var outputs: [LayerVerdict] = []
  /// The model's outputs run as a program runs it, unprobed; empty where nothing ran.
  public var production: [LayerVerdict] = []
  /// Recorded activations that the model does not have, or that cannot be compared.
  public var uncovered: [String] = []
  /// Module calls without a recorded activation.
  public var unreferenced: [String] = []
  /// What a reader should know: what was skipped or assumed, and why.
  public var remarks: [Remark] = []
  /// Tensors that differ beside layers, inputs and outputs.
  package var differentTensors: [TensorDiff.Entry] = []
  /// What differs beside layers and outputs.
  public var otherDifferences: [String] = []
  /// A closer look at the first causes.
  public var details: [LayerDetail] = []
  /// Why the first causes are wrong, where that could be found out; the headline's first.
  public var diagnoses: [Diagnosis] = []
  /// The first causes that nothing which was tried explains.
  public var undiagnosed: [Line] = []
  /// Where the Python of the first of those is, as far as the reference tells.
  public var pythonPlaces: [PythonPlace] = []
  /// Where the time went.
  public var seconds = Seconds()
  /// Whether recorded activations that the model lacks, and calls without one, fail the verdict.
  public var requiresAll = false
  /// Whether a pass may leave gaps.
  public var allowsPartial = false
  /// How much was compared; `nil` where nothing ran.
  public var coverage: Coverage?
  /// Which parameters the compared values show; `nil` where that was not looked for.
  public var reach: Reach?
  /// How large an error the recording itself hides; `nil` where it was made in float32.
  public var blindness: Blindness?
  /// Whether the isolated run handed on recorded tensors of other shapes than ours, too.
  package var handsOnOtherShapes = true

  /// Nothing compared yet, which does not pass.
  public init() {}

  /// Where the time went.
  public struct Seconds: Sendable, Hashable {
    /// Opening the files and reading what was recorded.
    public var read = 0.0
    /// Building the model and loading its weights.
    public var bind = 0.0
    /// The model itself, cumulative run.
    public var forward = 0.0
    /// The model itself, isolated run.
    public var isolated = 0.0
    /// The float64 run, its comparisons included.
    public var oracle = 0.0
    /// The model itself, run as a program runs it.
    public var production = 0.0
    /// Holding tensors against recorded ones.
    public var compare = 0.0
    /// Finding out which parameters the reference shows.
    public var reach = 0.0

    /// All zero.
    public init() {}
  }

  /// How many tensors were held against recorded ones.
  public var comparedCount: Int {
    (layers + outputs).count { $0.status != .missing }
  }

  /// What was not looked at that a pass would promise.
  public var gaps: [Gap] {
    guard !allowsPartial else { return [] }
    return (coverage?.gaps ?? []) + [reach?.gap, blindness?.gap].compactMap(\.self)
  }

  /// Whether everything that could be compared holds, and enough was: the outputs, most of what is
  /// recorded, and values that most parameters show in, unless less is asked for.
  public var passes: Bool {
    comparedCount > 0 && gaps.isEmpty && otherDifferences.isEmpty && differentTensors.isEmpty
      && !(layers + outputs + production).contains { $0.status.isFailure }
      && !(requiresAll && !isComplete)
  }

  /// Whether everything recorded and everything in the model has its counterpart, of the same shape.
  package var isComplete: Bool { uncovered.isEmpty && unreferenced.isEmpty && reshaped.isEmpty }

  /// What holds under another shape than the recorded one.
  package var reshaped: [LayerVerdict] { (layers + outputs).filter { $0.status == .reshaped } }

  /// The failures that are causes and not consequences, in execution order.
  public var causes: [LayerVerdict] {
    (layers + outputs).filter(\.status.isCause)
  }

  /// The layers that hold on recorded inputs and are nearest to their limits there, at half of them or
  /// more, in execution order.
  package func nearest(_ limit: Int) -> [LayerVerdict] {
    let candidates = layers.filter { $0.isolated?.holds == true && $0.isolatedShare >= 0.5 }
    let least = candidates.map(\.isolatedShare).sorted(by: >).prefix(limit).last ?? 0
    return Array(candidates.filter { $0.isolatedShare >= least }.prefix(limit))
  }

  /// How many compared tensors PyTorch did not repeat.
  package var chanceCount: Int {
    (layers + outputs).count { !$0.isRepeatable && $0.status != .missing }
  }

  /// The verdict on one tensor.
  package func layer(_ key: ActivationKey) -> LayerVerdict? {
    layers.first { $0.line == .module(key) }
  }

  /// How recorded elements are ours under another shape.
  package var reshapings: [ActivationKey: Reshaping] {
    Dictionary(
      layers.compactMap { layer in
        layer.reshaping.flatMap { form in layer.key.map { ($0, form) } }
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The verdict on one line.
  package func verdict(on line: Line) -> LayerVerdict? {
    (layers + outputs).first { $0.line == line }
  }

  /// Whether some layer or output fails.
  package var hasFailedLayer: Bool { (layers + outputs).contains(where: \.status.isFailure) }

  /// The status of the run without a probe: its first failure's, else that of what was compared;
  /// `missing` where nothing was.
  public var productionStatus: LayerStatus {
    production.map(\.status).first(where: \.isFailure)
      ?? production.map(\.status).first { $0 != .missing } ?? .missing
  }

  /// Whether the probed runs hold and the run of a program does not.
  package var onlyProductionFails: Bool { !hasFailedLayer && productionStatus.isFailure }

  /// The headline's layer: the first cause, or the first failure where there is none.
  public var firstDivergence: LayerVerdict? {
    causes.first ?? (layers + outputs).first { $0.status.isFailure }
  }
}
