import Synchronization
import TestSupport
import Testing
import WeighbridgeModules
import WeighbridgeTensors

/// Modules as graphs of operators, held against themselves.
@Suite struct CompiledTests {
  /// A block as PyTorch's authors write it: every layer called for itself.
  private struct Block: Module {
    let path: ModulePath
    let conv1: Conv2d
    let bn1: BatchNorm
    let conv2: Conv2d
    let bn2: BatchNorm
    let relu: ReLU
    let squeeze: Linear
    let excite: Linear
    let table: Tensor

    init(_ w: WeightScope) throws {
      path = w.path
      conv1 = try Conv2d(w / "conv1", in: 6, out: 6, kernel: 3, padding: 1, bias: .absent)
      bn1 = try BatchNorm(w / "bn1", channels: 6)
      conv2 = try Conv2d(w / "conv2", in: 6, out: 6, kernel: 1)
      bn2 = try BatchNorm(w / "bn2", channels: 6)
      relu = ReLU(w / "relu")
      squeeze = try Linear(w / "squeeze", in: 6, out: 3)
      excite = try Linear(w / "excite", in: 3, out: 6)
      table = try w.parameter("table", .table, [4, 6])
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let first = try relu(bn1(conv1(x)))
      let second = try bn2(conv2(first))
      let gate = try excite(relu(squeeze(second.mean(axes: [2, 3])))).activated(.sigmoid)
      // Depends on no input: computed once.
      let offset = try (table * 2).mean(axes: [0]).reshaped([1, 6, 1, 1])
      let gated = try second * gate.reshaped([x.shape[0], 6, 1, 1])
      return try relu(gated + x) + offset
    }
  }

  private func bound<M: Module>(
    _ dtype: DType = .float32, _ build: (WeightScope) throws -> M
  ) throws -> M {
    try WeightScope.bind(MadeWeights(), dtype: dtype, build)
  }

  private func images(_ shape: Shape, _ seed: String = "x", dtype: DType = .float32) throws
    -> Tensor
  {
    try Numbers.tensor(shape, seed: seed, dtype: dtype)
  }

  /// Selective kernels as PyTorch's authors write them: branches are stacked to be summed.
  private struct Selective: Module {
    let path: ModulePath
    let first, second: Conv2d

    init(_ w: WeightScope) throws {
      path = w.path
      first = try Conv2d(w / "first", in: 6, out: 6, kernel: 3, padding: 1)
      second = try Conv2d(w / "second", in: 6, out: 6, kernel: 1)
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let branches = [try first(x), try second(x)]
      let seen = try Tensor.stacked(branches, axis: 0).sum(axes: [0])
      let gates = try Tensor.stacked(
        [seen.mean(axes: [2, 3]), seen.reduced(.maximum, axes: [2, 3])], axis: 1
      )
      .softmax(axis: 1)
      let weighed = try branches.enumerated().map { index, branch in
        try branch * gates.selected(1, index).unsqueezed(2).unsqueezed(3)
      }
      return try Tensor.stacked(weighed, axis: 1).sum(axes: [1])
    }
  }

  @Test func whatIsStackedToBeSummedIsAdded() throws {
    for dtype in [DType.float32, .float64] {
      let net = try bound(dtype) { try Selective($0) }
      let (compiled, x) = (Compiled(net), try images([2, 6, 7, 5], dtype: dtype))
      #expect(try farthest(compiled(x), net(x)) < (dtype == .float64 ? 1e-12 : 1e-5))
      guard dtype == .float32 else { continue }
      let names = try compiled.profile([x], runs: 1).steps.map(\.name)
      // What is stacked for the softmax stays.
      #expect(names.filter { $0 == "concatenate" }.count == 1)
      #expect(!names.contains("sum"))
      #expect(names.contains("channel gate + residual"))
    }
  }

  private struct Form: Sendable, CustomTestStringConvertible {
    let words: String
    let shape: Shape
    /// What runs of it as one.
    let step: String
    let compute: @Sendable (Tensor) throws -> Tensor
    var testDescription: String { words }
  }

  /// Norms, distances and poolings as people write them, on odd sizes: what goes into them is never whole.
  private static let forms: [Form] = [
    Form(words: "distances", shape: [1, 283, 1, 33], step: "subtract + square + sum") {
      let codes = try Numbers.tensor([67, 33], seed: "codes", dtype: $0.dtype)
      return try ($0 - codes).mapped(.square).sum(axes: [3])
    },
    Form(words: "residuals", shape: [2, 151, 1, 33], step: "subtract + multiply + sum") {
      let codes = try Numbers.tensor([67, 33], seed: "codes", dtype: $0.dtype)
      let residuals = try $0 - codes
      let weights = try residuals.mapped(.square).sum(axes: [3]).softmax(axis: 2)
      return try (weights.unsqueezed(3) * residuals).sum(axes: [1])
    },
    Form(words: "mean of squares", shape: [3, 67, 53, 51], step: "square + mean") {
      try $0 / ($0.mapped(.square).mean(axes: [1], keepingAxes: true) + 1e-6).mapped(.squareRoot)
    },
    Form(words: "variance", shape: [1, 67, 91, 87], step: "subtract + square + mean") {
      let mean = try $0.mean(axes: [1], keepingAxes: true)
      return try ($0 - mean).mapped(.square).mean(axes: [1], keepingAxes: true)
    },
    Form(words: "spatial maximum", shape: [2, 93, 51, 57], step: "absolute + multiply + maximum") {
      try ($0.mapped(.absolute) * $0).reduced(.maximum, axes: [2, 3])
    },
    Form(
      words: "minimum of a view", shape: [3, 101, 97, 19], step: "exponential + divide + minimum"
    ) {
      let turned = try $0.transposed(1, 3)
      return try
        (turned.mapped(.exponential) / $0.narrowed(3, start: 2, length: 1).transposed(1, 3))
        .reduced(.minimum, axes: [1])
    },
    Form(words: "channels last", shape: [2, 85, 61, 53], step: "subtract + power + mean") {
      let x = try $0.contiguous(.channelsLast).affine(scale: 0.5)
      let mean = try x.mean(axes: [1], keepingAxes: true)
      return try (x - mean).mapped(.power(2)).mean(axes: [1])
    },
    Form(words: "long rows", shape: [129, 4099], step: "negate + sum") {
      try $0.mapped(.negate).sum(axes: [1])
    },
    Form(words: "rows and images", shape: [13, 17, 53, 47], step: "square + mean") {
      try $0.mapped(.square).mean(axes: [0, 2])
    },
  ]

  @Test(arguments: forms) private func whatIsOnlyReducedIsNeverWhole(_ form: Form) throws {
    let net = Function { [try form.compute($0[0])] }
    for dtype in [DType.float32, .float64] {
      let x = TensorList(try images(form.shape, dtype: dtype))
      let compiled = Compiled(net)
      let (ours, plain) = (try compiled(x)[0], try net(x)[0])
      #expect(ours.shape == plain.shape)
      #expect(try farthest(ours, plain) < (dtype == .float64 ? 1e-10 : 1e-4))
      let names = try compiled.profile(x.tensors, runs: 1).steps.map(\.name)
      #expect(names.contains(form.step), "\(names)")
    }
  }

  @Test func otherValuesAndShapesAreComputedNotRemembered() throws {
    let block = try bound(.float64) { try Block($0) }
    let compiled = Compiled(block)
    for (shape, seed) in [([2, 6, 7, 5], "a"), ([2, 6, 7, 5], "b"), ([1, 6, 4, 9], "c")]
      as [(Shape, String)]
    {
      let x = try images(shape, seed, dtype: .float64)
      #expect(try compiled.obstacle(to: x) == nil)
      let (ours, plain) = (try compiled(x), try block(x))
      #expect(try farthest(ours, plain) < 1e-12)
      #expect(try compiled(x).elements(as: Double.self) == ours.elements(as: Double.self))
    }
  }

  @Test func layersCalledOneByOneRunAsOne() throws {
    let block = try bound { try Block($0) }
    let (compiled, x) = (Compiled(block), try images([1, 6, 8, 8]))
    let profile = try compiled.profile([x], runs: 1)
    let joint = profile.jointSteps.flatMap(\.steps).map { step in
      ([step.module.name] + step.joined.map(\.path.name)).joined(separator: " ") + ": " + step.name
    }
    #expect(
      Set(joint) == [
        "conv1 bn1 relu: convolution + batch norm + relu",
        "conv2 bn2: convolution + batch norm",
        "squeeze relu: linear + bias + relu", "excite: linear + bias + sigmoid",
        " relu: channel gate + residual + relu",
      ], "\(joint)")
    // The table's mean is a constant.
    #expect(!profile.steps.contains { $0.shape == [1, 6] && $0.name == "mean" })
    #expect(try farthest(compiled(x), block(x)) < 1e-5)
  }

  /// What PyTorch calls data-dependent control flow.
  private struct Deciding: Module {
    let path: ModulePath
    let inner: Inner

    struct Inner: Module {
      let path: ModulePath

      func forward(_ x: Tensor) throws -> Tensor {
        try x.elements(as: Double.self)[0] > 0 ? x.affine(scale: 2) : x.affine(scale: 3)
      }
    }

    func forward(_ x: Tensor) throws -> Tensor { try inner(x.activated(.relu)) }
  }

  /// A rectifier behind a maximum, as in PyTorch's tutorials.
  private struct Pooled: Module {
    let path: ModulePath
    let conv: Conv2d
    let pool: MaxPool2d
    let relu: ReLU

    init(_ w: WeightScope, dilation: Int) throws {
      path = w.path
      conv = try Conv2d(w / "conv", in: 3, out: 5, kernel: 3)
      pool = MaxPool2d(w / "pool", kernel: 3, stride: 2, padding: 1, dilation: Pair(dilation))
      relu = ReLU(w / "relu")
    }

    func forward(_ x: Tensor) throws -> Tensor { try relu(pool(conv(x))) }
  }

  @Test(arguments: [(1, "convolution + bias + relu"), (2, "convolution + bias")])
  func rectifiersBehindMaximaComeBeforeThem(dilation: Int, step: String) throws {
    let net = try bound { try Pooled($0, dilation: dilation) }
    var values: [Float] = try images([2, 3, 11, 14]).elements()
    (values[40], values[500]) = (.nan, -.infinity)
    let x = try Tensor(values, shape: [2, 3, 11, 14])
    let compiled = Compiled(net)
    let (ours, plain): ([Float], [Float]) = (try compiled(x).elements(), try net(x).elements())
    let differ = zip(ours, plain).contains { $0.isNaN != $1.isNaN || abs($0 - $1) > 1e-5 }
    #expect(!differ && plain.contains { $0.isNaN } && plain.contains { $0 == 0 })
    let names = try compiled.profile([x], runs: 1).steps.map(\.name)
    #expect(names.first == step, "\(names)")
  }

  @Test func whatItsValuesDecideRunsAsItIs() throws {
    let net = Deciding(path: .root, inner: .init(path: "inner"))
    let compiled = Compiled(net)
    for sign in [1.0, -1.0, 1.0] {
      let x = try Tensor([sign, 1], shape: [2])
      #expect(try compiled(x).elements(as: Double.self) == net(x).elements(as: Double.self))
      #expect(try compiled.obstacle(to: x) == "inner")
    }
  }

  private struct Function: Module {
    let path: ModulePath = .root
    let body: @Sendable (TensorList) throws -> [Tensor]

    func forward(_ input: TensorList) throws -> TensorList { TensorList(tensors: try body(input)) }
  }

  @Test func oneTensorGivenTwiceIsTwoInputs() throws {
    let net = Compiled(Function { [try $0[0] - $0[1]] })
    let (a, b) = (try images([3, 4], "a"), try images([3, 4], "b"))
    #expect(try farthest(net(TensorList(a, a))[0], Tensor.zeros([3, 4])) == 0)
    #expect(try farthest(net(TensorList(a, b))[0], a - b) == 0)
  }

  /// What a run computes on its way takes no memory until its end because it is captured: storages that are
  /// gone give their addresses to later ones, and are not mistaken for them.
  @Test func aCaptureKeepsNothingThatWasComputed() throws {
    final class Seen: Sendable {
      let left = Mutex<[Int]>([])
    }
    struct Weak {
      weak var storage: TensorStorage?
    }
    let seen = Seen()
    let net = Function { input in
      var (x, storages) = (input[0], [Weak]())
      for step in 1...20 {
        x = try (x * 1.25).activated(.tanh) + Double(step)
        storages.append(Weak(storage: x.storage))
      }
      seen.left.withLock { $0.append(storages.count { $0.storage != nil }) }
      return [x]
    }
    let x = try TensorList(images([64, 64]))
    let compiled = try Compiled(net)(x)[0]
    #expect(seen.left.withLock { $0 } == [1])
    #expect(try farthest(compiled, net(x)[0]) == 0)
  }

  @Test func aWeightGivenAsAnInputStaysAWeight() throws {
    let weight = try images([3, 4], "w")
    let net = Compiled(Function { [try $0[0] * weight] })
    _ = try net(TensorList(weight))
    let other = try images([3, 4], "b")
    #expect(try farthest(net(TensorList(other))[0], other * weight) == 0)
  }

  @Test func viewsOfInputsAndResultsStayViews() throws {
    let net = Function { input in
      let x = input[0]
      let parts = try x.activated(.relu).transposed(1, 2)
      let first = try parts.narrowed(1, start: 1, length: 2)
      return [x, first, parts, try first.contiguous() + parts.narrowed(1, start: 0, length: 2)]
    }
    let compiled = Compiled(net)
    // Of a larger tensor, at another place each time.
    let whole = try images([5, 3, 4], "whole")
    for start in [0, 2, 3] {
      let input = TensorList(try whole.narrowed(0, start: start, length: 2))
      let (ours, plain) = (try compiled(input), try net(input))
      #expect(ours.tensors.map(\.shape) == plain.tensors.map(\.shape))
      for (a, b) in zip(ours.tensors, plain.tensors) { #expect(try farthest(a, b) == 0) }
    }
  }

  @Test func valuesTakenTwiceAreNotJoinedAway() throws {
    let block = try bound { try Conv2d($0 / "conv", in: 3, out: 3, kernel: 3, padding: 1) }
    let net = Function { input in
      let y = try block(input[0])
      let z = try block(y)
      return [try y.activated(.relu) + y, try z + z, try z.activated(.relu)]
    }
    let compiled = Compiled(net)
    let input = TensorList(try images([1, 3, 6, 5]))
    let (ours, plain) = (try compiled(input), try net(input))
    for (a, b) in zip(ours.tensors, plain.tensors) { #expect(try farthest(a, b) < 1e-5) }
  }

  /// Weights, statistics and biases that are computed from the inputs, with and without the optional ones.
  @Test func computedWeightsKeepTheirPlaces() throws {
    let net = Function { input in
      let (x, kernel, vector) = (input[0], input[1], input[2])
      let positive = try vector.activated(.sigmoid)
      let rows = try x.permuted([0, 2, 3, 1]).contiguous()
      let (square, around) = (try kernel.mean(axes: [2, 3]), ConvolutionGeometry(padding: 1))
      return [
        try x.convolved(weight: kernel, geometry: around),
        try x.convolved(
          weight: kernel, bias: vector, geometry: around,
          epilogue: Epilogue(residual: x, activation: .relu)),
        try rows.linear(weight: square, epilogue: Epilogue(residual: rows)),
        try rows.linear(weight: square, bias: vector, epilogue: Epilogue(activation: .silu)),
        try x.batchNormalized(
          mean: vector, variance: positive, weight: nil, bias: vector, epsilon: 0.1,
          epilogue: Epilogue(residual: x)),
        try x.batchNormalized(
          mean: vector, variance: positive, weight: positive, bias: nil, epsilon: 0.1),
        try rows.layerNormalized(weight: nil, bias: vector, epsilon: 0.1),
        try rows.layerNormalized(weight: vector, bias: nil, epsilon: 0.1),
        try x.groupNormalized(groups: 2, weight: nil, bias: vector, epsilon: 0.1),
      ]
    }
    let compiled = Compiled(net)
    for seed in ["a", "b"] {
      let input = TensorList(
        try images([2, 4, 5, 3], "x\(seed)", dtype: .float64),
        try images([4, 4, 3, 3], "k\(seed)", dtype: .float64),
        try images([4], "v\(seed)", dtype: .float64))
      let (ours, plain) = (try compiled(input), try net(input))
      #expect(try compiled.obstacle(to: input) == nil)
      for (a, b) in zip(ours.tensors, plain.tensors) { #expect(try farthest(a, b) < 1e-12) }
    }
  }

  @Test func aProbeSeesModulesOnce() throws {
    let block = try bound { try Block($0) }
    let (compiled, x) = (Compiled(block), try images([1, 6, 4, 4]))
    _ = try compiled(x)
    let (a, b) = (CallCount(), CallCount())
    let seen = try ProbeRun.with(a) { try compiled(x) }
    let plain = try ProbeRun.with(b) { try block(x) }
    #expect(a.paths == b.paths)
    #expect(try farthest(seen, plain) == 0)
  }

  private final class CallCount: Probe, @unchecked Sendable {
    private(set) var paths: [String] = []

    func intercept<M: Module>(
      _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
    ) throws -> M.Output {
      paths.append("\(module.path) \(call)")
      return try forward(input)
    }
  }

  @Test func eightTasksAtOnce() async throws {
    let block = try bound { try Block($0) }
    let compiled = Compiled(block)
    try await withThrowingTaskGroup(of: Double.self) { group in
      for task in 0..<8 {
        let x = try images([1, 6, 5 + task % 3, 4], "\(task)")
        group.addTask { try farthest(compiled(x), block(x)) }
      }
      for try await distance in group { #expect(distance < 1e-5) }
    }
  }
}
