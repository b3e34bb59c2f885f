extension Cause {
  /// The kind of a mistake, by a name that stands in reports and stays the same: `batchnorm-epsilon`.
  /// A module of your own may have kinds of its own: `Cause.Kind("blend-form")`.
  public struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The name that stands in reports.
    public let rawValue: String

    /// A kind of this name, a new one or one of those below.
    public init(_ name: String) { rawValue = name }
    /// The same, as `RawRepresentable` asks; every text is a kind.
    public init(rawValue: String) { self.rawValue = rawValue }

    public var description: String { rawValue }
  }
}

/// The mistakes that can be told apart.
extension Cause.Kind {
  /// A linear layer's weight as [in, out]; a square one fits either way.
  public static let linearTransposed = Self("linear-transposed")
  /// A kernel's axes in another framework's order, such as HWIO for OIHW.
  public static let weightLayout = Self("weight-layout")
  /// A kernel mirrored along its positions: convolution for cross-correlation.
  public static let weightFlipped = Self("weight-flipped")
  /// A kernel with all its axes the other way round, as column-major order leaves them.
  public static let fortranOrder = Self("fortran-order")
  /// A parameter's bytes in the other order.
  public static let byteOrder = Self("byte-order")
  /// Channels dealt to groups or blocks in turn, or taken together.
  public static let channelsRegrouped = Self("channels-regrouped")
  /// BGR for RGB.
  public static let channelsReversed = Self("channels-reversed")
  /// An image flattened in another order before a linear layer, such as (row, column, channel).
  public static let flattenOrder = Self("flatten-order")
  /// One parameter's values in another one's place.
  public static let tensorsSwapped = Self("tensors-swapped")
  /// Values that nothing ever loaded: those that PyTorch begins with.
  public static let initialValues = Self("initial-values")
  /// Weights that are infinite or NaN: half precision ends at 65504.
  public static let overflow = Self("overflow")
  /// A parameter that the reference had rounded to a narrower dtype.
  public static let truncatedDType = Self("truncated-dtype")
  /// The ε of a batch normalisation.
  public static let batchNormEpsilon = Self("batchnorm-epsilon")
  /// The ε of any other norm: layer, group, instance or RMS.
  public static let layerNormEpsilon = Self("layernorm-epsilon")
  /// `running_mean` and `running_var` in each other's place.
  public static let statisticsSwapped = Self("statistics-swapped")
  /// Running statistics that were never loaded: means all 0, variances all 1.
  public static let statisticsInitial = Self("statistics-initial")
  /// The batch's own mean and variance for the running ones: a reference recorded in training mode.
  public static let batchStatistics = Self("batch-statistics")
  /// GELU by erf, by tanh or by a sigmoid.
  public static let geluForm = Self("gelu-form")
  /// A rectifier of another slope, or with a limit.
  public static let activationSlope = Self("activation-slope")
  /// A sigmoid for a piecewise linear one, or the other way round.
  public static let hardSigmoid = Self("hard-sigmoid")
  /// Another activation function altogether.
  public static let activationForm = Self("activation-form")
  /// A module or an activation that one side calls and the other does not.
  public static let moduleSkipped = Self("module-skipped")
  /// The distance between windows.
  public static let stride = Self("stride")
  /// The distance between the elements of one window.
  public static let dilation = Self("dilation")
  /// Another padding that is the same on opposite sides.
  public static let padding = Self("padding")
  /// A pooling window's size.
  public static let kernelSize = Self("kernel-size")
  /// What adaptive pooling comes out as.
  public static let outputSize = Self("output-size")
  /// A padding that differs between opposite sides, as TensorFlow's `same`.
  public static let paddingSame = Self("padding-same")
  /// Whether averages divide by what lies in the padding, too.
  public static let countIncludePad = Self("count-include-pad")
  /// Whether a last pooling window may reach beyond the image.
  public static let ceilMode = Self("ceil-mode")
  /// The mean for the maximum, or another way to reduce positions or tokens.
  public static let poolingForm = Self("pooling-form")
  /// Whether the centres of the corners or the edges of the image stay in place.
  public static let alignCorners = Self("align-corners")
  /// Zeros, another value, reflected, replicated or circular.
  public static let paddingMode = Self("padding-mode")
  /// The pixels of a block before the channels, or behind them.
  public static let pixelOrder = Self("pixel-order")
  /// What attention's scores are multiplied by before the softmax.
  public static let attentionScale = Self("attention-scale")
  /// A mask or bias on attention's scores.
  public static let attentionMask = Self("attention-mask")
  /// How many heads attention's features divide into.
  public static let headsCount = Self("heads-count")
  /// Heads and q, k, v in another order within the features of a joint projection.
  public static let headsInterleaved = Self("heads-interleaved")
  /// Queries, keys and values in each other's places.
  public static let qkvOrder = Self("qkv-order")
  /// The order in which a patch's pixels and channels are flattened.
  public static let patchOrder = Self("patch-order")
  /// Positions that are left out, or added elsewhere or to other tokens.
  public static let positionEncoding = Self("position-encoding")
  /// The axis of a softmax, or a sigmoid in its place.
  public static let softmaxAxis = Self("softmax-axis")
  /// The parts or branches of a computation in another order.
  public static let branchOrder = Self("branch-order")
  /// Where squeeze-and-excitation stands, or what it weighs.
  public static let seWiring = Self("se-wiring")
  /// How a shortcut is added, and whether the activation comes before or after.
  public static let residualForm = Self("residual-form")
  /// How images are scaled and shifted before the network.
  public static let inputNormalization = Self("input-normalization")
  /// A norm that a forward computes itself: the constant within its root.
  public static let normEpsilon = Self("norm-epsilon")
  /// An activation before what it stands behind in the reference, or the other way round.
  public static let activationOrder = Self("activation-order")
  /// Two modules in each other's order: a norm and an activation or a pool.
  public static let moduleOrder = Self("module-order")
  /// Which way an axis is rolled.
  public static let rollDirection = Self("roll-direction")
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
    .reductionAxes, .tokenPooling, .axisOrder, .rollDirection, .headSplit, .arithmeticForm,
    .interpolationForm,
    .normForm, .parameterForm, .parameterValues, .recordingInPlace, .recordingTrainMode,
    .recordingNotRepeatable, .recordingMaskedRows, .recordingNames, .recordingSuspect,
  ]
}
