import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences

/// What two runs together say about a module's call.
///
/// In the cumulative run the model works on its own results; in the isolated run every output is
/// replaced by the recorded one before anything else sees it.
public enum LayerStatus: String, Sendable, Hashable, CaseIterable {
  /// Both runs hold.
  case ok
  /// The isolated run fails, and no compared module was called in it: its own computation is wrong.
  case source
  /// The isolated run fails though the modules called in it were set right: what joins them is wrong.
  case glue
  /// Only the cumulative run fails: an earlier error arrives here.
  case inherited
  /// Holds, but the recorded values have another shape.
  case reshaped
  /// Holds, but its error gain is far above its siblings'.
  case amplifier
  /// The first NaN or infinity, or a recorded activation that holds NaN.
  case nonfinite
  /// No recorded activation, or one that cannot be compared: not judged, never counted as passed.
  case missing

  /// Whether the verdict fails for it.
  public var isFailure: Bool {
    switch self {
    case .source, .glue, .inherited, .nonfinite: true
    case .ok, .reshaped, .amplifier, .missing: false
    }
  }

  /// Whether it is a failure and no consequence of one.
  package var isCause: Bool { isFailure && self != .inherited }
}

/// The figures of one tensor in one run, and whether they hold.
public struct Measurement: Sendable, Hashable {
  /// How far the tensor is from the recorded one.
  public var figures: Figures
  /// Whether that is right, and by what rule.
  public var judgement: Judgement

  package init(figures: Figures, judgement: Judgement) {
    (self.figures, self.judgement) = (figures, judgement)
  }

  /// Whether the error is within its limit.
  public var holds: Bool { judgement.holds }
}

/// The verdict on one tensor that a module's call returned, or on one output of the model.
public struct LayerVerdict: Sendable, Hashable {
  /// What it is about.
  public var line: Line
  /// The operation's name.
  public var kind: String
  /// Our tensor's shape.
  public var shape: Shape
  /// What both runs together say.
  public var status: LayerStatus
  /// Why there are no figures, or what is odd about them.
  public var grounds: [Ground] = []
  /// In the run on the model's own results; `nil` where nothing was compared.
  public var cumulative: Measurement?
  /// In the run on recorded inputs; `nil` where there was none.
  public var isolated: Measurement?
  /// Our noise: float32 against float64 of the same model.
  public var ownNoise: Reference.Noise?
  /// PyTorch's noise.
  public var recordedNoise: Reference.Noise?
  /// Whether it called no other module.
  public var isLeaf: Bool
  /// Whether two runs of PyTorch gave the same values, bit for bit; where not, chance had a part in what
  /// is recorded, and only the run on recorded inputs is judged.
  public var isRepeatable = true
  /// Its error alone over its own rounding, where that was measured: the RMS of all, and of the channel,
  /// row or head where it is largest.
  public var ownRatio: Double?
  /// The same ratio of the channel, row or head where it is largest.
  public var localRatio: Double?
  /// Whether it worked on recorded values alone in the isolated run: not after samples, and not without
  /// such a run.
  package var worksOnRecorded = false
  /// How much rounding it can have.
  package var rounding = Rounding(terms: nil, dtype: .float32)

  /// How the recorded elements are ours, where they have another shape.
  package var reshaping: Reshaping?

  /// The recorded shape, where it is another one.
  public var recordedShape: Shape? { reshaping?.recorded }

  /// What a reference calls it, where that is not `path#call/item`: `blocks.0/aux`.
  public var recordedName: String?

  /// The largest error that would not show, as a share of the recorded values' RMS, where something
  /// coarser than float32 was on the way to them; `nil` where all is float32, or nothing was judged by
  /// noise.
  public var hides: Double? {
    guard rounding.dtype.unitRoundoff > DType.float32.unitRoundoff, let cumulative,
      let allowed = cumulative.judgement.allowed, cumulative.figures.referenceRMS > 0
    else { return nil }
    return allowed / cumulative.figures.referenceRMS
  }

  /// The largest recorded noise that is believed, its RMS; `nil` where nothing was compared.
  package var noiseBound: Double? {
    cumulative.map { rounding.share(Limits()) * $0.figures.referenceRMS }
  }

  package init(
    line: Line, kind: String, shape: Shape, status: LayerStatus,
    ownNoise: Reference.Noise?, recordedNoise: Reference.Noise?, isLeaf: Bool
  ) {
    (self.line, self.kind) = (line, kind)
    (self.shape, self.status, self.isLeaf) = (shape, status, isLeaf)
    (self.ownNoise, self.recordedNoise) = (ownNoise, recordedNoise)
  }

  /// The tensor of a module's call; `nil` for the model's own inputs and outputs.
  package var key: ActivationKey? {
    if case .module(let key) = line { key } else { nil }
  }

  /// Whether this is what a module returned, and not an input or output of the model.
  package var isOfModule: Bool { key != nil }

  /// The module's path; the model's own for its inputs and outputs.
  public var path: ModulePath { key?.path ?? .root }
  /// How often the path was called before.
  public var call: Int { key?.call ?? 0 }
  /// Which of several tensors the call returned, or which input or output; `nil` when it returned one.
  public var item: Int? {
    switch line {
    case .module(let key): key.item
    case .input(let index), .output(let index), .production(let index): index
    }
  }

  /// Ours under the recorded shape.
  package func likeRecorded(_ ours: Tensor) throws -> Tensor {
    try reshaping?.likeRecorded(ours) ?? ours
  }

  /// `path#call/item`, as references name it.
  public var name: String {
    recordedName ?? line.description
  }
}
