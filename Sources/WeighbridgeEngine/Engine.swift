import WeighbridgeParallel
@_exported import WeighbridgeTensors

/// An implementation of the operators. `Plain` follows each definition in readable Swift and runs
/// every dtype; `OneDNN` runs float32 fast and leaves to `Plain` what it has no reason to do.
///
/// Engines check nothing twice: the public operators (`Operators/`) validate shapes and dtypes and
/// then call the engine for the dtype. All inputs of one call have one floating-point dtype;
/// weights of layers that run in float32 may be of 16 bits.
package protocol Engine: SpatialOperators, SelectionOperators {
  /// The engine's name and version, for reports.
  var name: String { get }

  /// x[N, C, H, W] ⋆ weight[out, in/groups, kh, kw] + bias[out], then the epilogue.
  func convolution(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry,
    output: Shape, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor

  /// x[…, in] · weight[out, in]ᵀ + bias[out], then the epilogue.
  func linear(
    _ x: Tensor, weight: LayerWeight, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
  ) throws -> Tensor

  /// a[…, m, k] · b[…, k, n] with equal leading axes (stride 0 where broadcast).
  func matmul(_ a: Tensor, _ b: Tensor) throws -> Tensor

  /// (x − mean)/√(variance + eps)·weight + bias on axis 1.
  func batchNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double,
    epilogue: Epilogue
  ) throws -> Tensor

  /// Normalises each run of the last `axes` axes to mean 0 and (biased) variance 1.
  func layerNorm(
    _ x: Tensor, axes: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor

  /// Normalises each of `groups` runs of channels of every sample.
  func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor

  /// Maximum or average pooling of x[N, C, H, W].
  func pool(_ x: Tensor, _ geometry: PoolingGeometry, output: Shape) throws -> Tensor

  /// The mean over the cells of each output's window, PyTorch's adaptive rule: window i covers
  /// ⌊i·H/out⌋ ..< ⌈(i+1)·H/out⌉.
  func adaptiveAveragePool(_ x: Tensor, output: Pair<Int>) throws -> Tensor

  /// The activation of each element.
  func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor

  /// Softmax along an axis, or its logarithm.
  func softmax(_ x: Tensor, axis: Int, logarithm: Bool) throws -> Tensor

  /// Elementwise arithmetic with broadcasting; `output` is the broadcast shape.
  func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, output: Shape) throws
    -> Tensor

  /// activation(x[N, C, …]·scale[N, C, 1…] + residual): a gate on each channel of each sample, as
  /// squeeze-and-excitation has it, in one pass where the engine can.
  func scaleChannels(_ x: Tensor, by scale: Tensor, epilogue: Epilogue) throws -> Tensor

  /// An elementary function of each element.
  func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor

  /// A reduction over axes, which stay with extent 1.
  func reduce(_ operation: Reduction, _ x: Tensor, axes: [Int]) throws -> Tensor

  /// The sampling grid [N, H, W, 2] of theta[N, 2, 3].
  func affineGrid(_ theta: Tensor, size: Pair<Int>, alignCorners: Bool) throws -> Tensor

  /// Bilinear samples of x[N, C, H, W] at grid[N, h, w, 2] (x, y in −1…1), zeros outside.
  func gridSample(_ x: Tensor, grid: Tensor, alignCorners: Bool) throws -> Tensor

  /// softmax(q·kᵀ·scale + bias)·v over [batch…, n, d]; a fused form where the engine has one.
  func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double, bias: Tensor?) throws
    -> Tensor
}

extension Engine {
  /// One pass over memory, which no engine does faster than the plain kernel.
  package func scaleChannels(
    _ x: Tensor, by scale: Tensor, epilogue: Epilogue
  ) throws -> Tensor {
    try PlainEngine().scaleChannels(x, by: scale, epilogue: epilogue)
  }
}

/// Elementwise operations of two tensors.
public enum BinaryOperation: String, Sendable, Hashable {
  /// a + b, a − b, a·b, a/b, and the smaller or the larger of both.
  case add, subtract, multiply, divide, minimum, maximum
  /// aᵇ, as `torch.pow`.
  case power
  /// ⌊a / b⌋, as `torch.floor_divide`.
  case floorDivide
  /// a − b·⌊a / b⌋, with b's sign, as `torch.remainder` and Python's `%`.
  case remainder
}

/// Elementwise functions that are not activations.
public enum UnaryOperation: Sendable, Hashable {
  /// −x, |x|, x², √x, eˣ, ln x, sin x and cos x.
  case negate, absolute, square, squareRoot, exponential, logarithm, sine, cosine
  /// 1/√x.
  case reciprocalSquareRoot
  /// 1/x.
  case reciprocal
  /// eˣ − 1, accurate near 0.
  case exponentialMinusOne
  /// ln(1 + x), accurate near 0.
  case logarithmOnePlus
  /// erf(x).
  case errorFunction
  /// To the nearest whole number, halves to the even one, as `torch.round`.
  case rounded
  /// The nearest whole number that is not above, or not below.
  case floor, ceiling
  /// Without the fraction, as `torch.trunc`.
  case truncated
  /// −1, 0 or 1; 0 for NaN, as `torch.sign`.
  case sign
  /// x to a constant exponent, as `torch.pow`.
  case power(Double)
  /// Limited to a closed range.
  case clamp(Double, Double)
  /// scale·x + shift.
  case affine(scale: Double, shift: Double)
}

/// Reductions.
public enum Reduction: String, Sendable, Hashable {
  /// Of the elements along the reduced axes.
  case sum, mean, product, maximum, minimum
}

/// Which engine runs what.
public enum Engines {
  /// Overrides the choice for one task: `true` runs float32 on the plain kernels too.
  @TaskLocal package static var usesPlainKernels = false

  static let plain = PlainEngine()
  #if OneDNN
    static let oneDNN = OneDNNEngine()
  #endif

  /// The engine that moves elements of any dtype: the one that computes with them, or the plain one.
  package static func engine(moving dtype: DType) throws -> any Engine {
    dtype == .float32 || dtype == .float64 ? try engine(for: dtype) : logged(plain)
  }

  /// The engine for tensors of a dtype.
  ///
  /// - Throws: `unsupported` for dtypes that nothing computes with.
  package static func engine(for dtype: DType) throws -> any Engine {
    logged(try choice(for: dtype))
  }

  /// The engine as it is, or, where the current task captures a run or keeps a log, one that notes what
  /// runs.
  @inline(__always)
  static func logged(_ engine: any Engine) -> any Engine {
    guard RunLog.isActive || Capture.isActive else { return engine }
    if Capture.awaitsOperator { return CapturingEngine(engine: engine) }
    return RunLog.awaitsOperator ? LoggedEngine(engine: engine) : engine
  }

  private static func choice(for dtype: DType) throws -> any Engine {
    switch dtype {
    case .float64: return plain
    case .float32:
      #if OneDNN
        return usesPlainKernels ? plain : oneDNN
      #else
        return plain
      #endif
    default:
      throw WeighbridgeError(
        .unsupported, "models run in float32 or float64, not in \(dtype)",
        remedy: "Convert the tensor first")
    }
  }

  /// How many threads an operator may use, the calling one included; for the whole process, from the
  /// next operator on. At first: what `OMP_NUM_THREADS` says, else one for each processor that the
  /// process may use. Values below 1 become 1, above 1024 1024.
  ///
  /// However many tasks run models at a time, there are no more workers than this.
  public static var threadCount: Int {
    get { Parallel.threadCount }
    set { Parallel.threadCount = newValue }
  }

  /// The name of the engine that runs float32, for reports.
  public static var float32Name: String {
    (try? engine(for: .float32).name) ?? "none"
  }
}
