extension Cause {
  /// The kind of a mistake, by a name that stands in reports and stays the same: `batchnorm-epsilon`.
  /// A module of your own may have kinds of its own: `Cause.Kind("blend-form")`.
  public struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: String

    public init(_ name: String) { rawValue = name }
    public init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }
  }
}

/// The mistakes that can be told apart.
extension Cause.Kind {
  public static let linearTransposed = Self("linear-transposed")
  public static let weightLayout = Self("weight-layout")
  public static let weightFlipped = Self("weight-flipped")
  public static let fortranOrder = Self("fortran-order")
  public static let byteOrder = Self("byte-order")
  public static let channelsRegrouped = Self("channels-regrouped")
  public static let channelsReversed = Self("channels-reversed")
  public static let flattenOrder = Self("flatten-order")
  public static let tensorsSwapped = Self("tensors-swapped")
  public static let initialValues = Self("initial-values")
  public static let overflow = Self("overflow")
  public static let truncatedDType = Self("truncated-dtype")
  public static let batchNormEpsilon = Self("batchnorm-epsilon")
  public static let layerNormEpsilon = Self("layernorm-epsilon")
  public static let statisticsSwapped = Self("statistics-swapped")
  public static let statisticsInitial = Self("statistics-initial")
  public static let batchStatistics = Self("batch-statistics")
  public static let geluForm = Self("gelu-form")
  public static let activationSlope = Self("activation-slope")
  public static let hardSigmoid = Self("hard-sigmoid")
  public static let activationForm = Self("activation-form")
  public static let moduleSkipped = Self("module-skipped")
  public static let stride = Self("stride")
  public static let dilation = Self("dilation")
  public static let padding = Self("padding")
  public static let kernelSize = Self("kernel-size")
  public static let outputSize = Self("output-size")
  public static let paddingSame = Self("padding-same")
  public static let countIncludePad = Self("count-include-pad")
  public static let ceilMode = Self("ceil-mode")
  public static let poolingForm = Self("pooling-form")
  public static let alignCorners = Self("align-corners")
  /// Zeros, another value, reflected, replicated or circular.
  public static let paddingMode = Self("padding-mode")
  /// The pixels of a block before the channels, or behind them.
  public static let pixelOrder = Self("pixel-order")
  public static let attentionScale = Self("attention-scale")
  public static let attentionMask = Self("attention-mask")
  public static let headsCount = Self("heads-count")
  public static let headsInterleaved = Self("heads-interleaved")
  public static let qkvOrder = Self("qkv-order")
  public static let patchOrder = Self("patch-order")
  public static let positionEncoding = Self("position-encoding")
  public static let softmaxAxis = Self("softmax-axis")
  public static let branchOrder = Self("branch-order")
  public static let seWiring = Self("se-wiring")
  public static let residualForm = Self("residual-form")
  public static let inputNormalization = Self("input-normalization")
  /// A norm that a forward computes itself: the constant within its root.
  public static let normEpsilon = Self("norm-epsilon")
  /// An activation before what it stands behind in the reference, or the other way round.
  public static let activationOrder = Self("activation-order")
  /// Two modules in each other's order: a norm and an activation or a pool.
  public static let moduleOrder = Self("module-order")
  /// The parts of a concatenation in another order.
  public static let concatenationOrder = Self("concatenation-order")
  /// A layer that reads another tensor than in the reference: a wrong shortcut or skip.
  public static let inputWiring = Self("input-wiring")
  /// Something that the reference computes and this does not.
  public static let operationLeftOut = Self("operation-left-out")
  /// Something that this computes and the reference does not.
  public static let operationExtra = Self("operation-extra")
  /// A factor: LayerScale's gamma, √d, an attention's scale.
  public static let scaleLeftOut = Self("scale-left-out")
  /// A factor or summand that is another one in the reference.
  public static let scaleForm = Self("scale-form")
  /// A summand: a bias, a positional embedding.
  public static let shiftLeftOut = Self("shift-left-out")
  /// A mean, sum or maximum over other axes, or in place of each other.
  public static let reductionAxes = Self("reduction-axes")
  /// The class token against the mean of the tokens.
  public static let tokenPooling = Self("token-pooling")
  /// Axes in another order before a reshape.
  public static let axisOrder = Self("axis-order")
  /// Features split into heads in another order.
  public static let headSplit = Self("head-split")
  /// A sum in place of a product, operands exchanged.
  public static let arithmeticForm = Self("arithmetic-form")

  /// An interpolation of another kind, or one that is missing.
  public static let interpolationForm = Self("interpolation-form")
  /// A norm over other axes, in groups, or of another kind.
  public static let normForm = Self("norm-form")
  /// A parameter stored as another function of itself: the deviation for the variance, a scale less 1.
  public static let parameterForm = Self("parameter-form")
  /// Values of one parameter that are not the recorded network's.
  public static let parameterValues = Self("parameter-values")

  /// Of the recording: values that a later step changed in place, before they were written.
  public static let recordingInPlace = Self("recording-in-place")
  /// Of the recording: batch statistics or dropout, which are on in training only.
  public static let recordingTrainMode = Self("recording-train-mode")
  /// Of the recording: values that differ from run to run.
  public static let recordingNotRepeatable = Self("recording-not-repeatable")
  /// Of the recording: NaN where attention had nothing to attend to.
  public static let recordingMaskedRows = Self("recording-masked-rows")
  /// Of the recording: a module's values under another one's name.
  public static let recordingNames = Self("recording-names")
  /// Of the recording, perhaps: a layer differs though all outputs are right.
  public static let recordingSuspect = Self("recording-suspect")

  /// The whole vocabulary.
  public static let all: [Self] = [
    .linearTransposed, .weightLayout, .weightFlipped, .fortranOrder, .byteOrder, .channelsRegrouped,
    .channelsReversed, .flattenOrder, .tensorsSwapped, .initialValues, .overflow, .truncatedDType,
    .batchNormEpsilon, .layerNormEpsilon, .statisticsSwapped, .statisticsInitial, .batchStatistics,
    .geluForm, .activationSlope, .hardSigmoid, .activationForm, .moduleSkipped, .stride, .dilation,
    .padding, .kernelSize, .outputSize, .paddingSame, .countIncludePad, .ceilMode, .poolingForm,
    .alignCorners, .paddingMode, .pixelOrder, .attentionScale, .attentionMask,
    .headsCount, .headsInterleaved, .qkvOrder,
    .patchOrder, .positionEncoding, .softmaxAxis, .branchOrder, .seWiring, .residualForm,
    .inputNormalization, .normEpsilon, .activationOrder, .moduleOrder, .concatenationOrder,
    .inputWiring, .operationLeftOut, .operationExtra, .scaleLeftOut, .scaleForm, .shiftLeftOut,
    .reductionAxes, .tokenPooling, .axisOrder, .headSplit, .arithmeticForm, .interpolationForm,
    .normForm, .parameterForm, .parameterValues, .recordingInPlace, .recordingTrainMode,
    .recordingNotRepeatable, .recordingMaskedRows, .recordingNames, .recordingSuspect,
  ]
}
