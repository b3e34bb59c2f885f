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
  public var figures: Figures
  public var judgement: Judgement

  package init(figures: Figures, judgement: Judgement) {
    (self.figures, self.judgement) = (figures, judgement)
  }

  /// Whether the error is within its limit.
  public var holds: Bool { judgement.holds }
}

/// The verdict on one tensor that a module's call returned, or on one output of the model.
public struct LayerVerdict: Sendable, Hashable {
  public var path: ModulePath
  public var call: Int
  /// Which of several tensors the call returned, or which output; `nil` when it returned one.
  public var item: Int?
  /// The operation's name.
  public var kind: String
  public var shape: Shape
  public var status: LayerStatus
  /// Why there are no figures, or what is odd about them.
  public var reason: String?
  public var cumulative: Measurement?
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
  public var localRatio: Double?
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
    path: ModulePath, call: Int, item: Int?, kind: String, shape: Shape, status: LayerStatus,
    ownNoise: Reference.Noise?, recordedNoise: Reference.Noise?, isLeaf: Bool
  ) {
    (self.path, self.call, self.item, self.kind) = (path, call, item, kind)
    (self.shape, self.status, self.isLeaf) = (shape, status, isLeaf)
    (self.ownNoise, self.recordedNoise) = (ownNoise, recordedNoise)
  }

  /// What its noise and its rounding are kept under.
  package var key: ActivationKey {
    isOfModule ? ActivationKey(path, call: call, item: item) : .output(item ?? 0)
  }

  /// Ours under the recorded shape.
  package func likeRecorded(_ ours: Tensor) throws -> Tensor {
    try reshaping?.likeRecorded(ours) ?? ours
  }

  /// `path#call/item`, as references name it.
  public var name: String {
    recordedName ?? ActivationKey(path, call: call, item: item).description
  }
}
