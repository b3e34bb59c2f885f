import TestSupport
import Testing
import WeighbridgeModules

/// Weights that stay in 16 bits compute what they compute when they are widened first: bit for bit, but
/// where a convolution in float32 has a form that takes weights of its own.
@Suite struct HalfPrecisionWeightTests {
  /// Values of a dtype, as they are stored or widened beforehand.
  private struct Rounded: WeightSource {
    let dtype: DType
    let isWidened: Bool
    let made = MadeWeights()

    func contains(_ name: String) -> Bool { true }

    func tensor(for request: ParameterRequest) throws -> Tensor {
      let tensor = try made.tensor(for: request)
      guard request.role != .counter else { return tensor }
      let rounded = try tensor.converted(to: dtype)
      return isWidened ? try rounded.converted(to: .float32) : rounded
    }
  }

  /// Convolutions of every form, linear maps of few and many values.
  private struct Net: Module {
    let path: ModulePath
    let stem: Sequential
    let grouped, pointwise: Conv2d
    let gate: Linear
    let wide, narrow: Linear
    let relu: ReLU

    init(_ w: WeightScope) throws {
      path = w.path
      stem = try Sequential(
        w / "stem", { try Conv2d($0, in: 3, out: 64, kernel: 3, padding: 1, bias: .absent) },
        { try BatchNorm($0, channels: 64) }, { ReLU($0) },
        { try Conv2d($0, in: 64, out: 64, kernel: 3, padding: 2, dilation: 2) }, { SiLU($0) })
      grouped = try Conv2d(w / "grouped", in: 64, out: 64, kernel: 3, padding: 1, groups: 16)
      pointwise = try Conv2d(w / "pointwise", in: 64, out: 32, kernel: 1)
      gate = try Linear(w / "gate", in: 32, out: 32)
      wide = try Linear(w / "wide", in: 32 * 35, out: 300)
      narrow = try Linear(w / "narrow", in: 300, out: 7)
      relu = ReLU(w / "relu")
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let y = try pointwise(grouped(stem(x)))
      let gated = try y.scaledByChannel(gate(y.mean(axes: [2, 3])))
      return try narrow(relu(wide(gated.flattened(from: 1))))
    }
  }

  private func net(
    _ dtype: DType, widened: Bool, running: DType = .float32, keeping kept: KeptWeights? = nil
  ) throws -> Net {
    try WeightScope.bind(Rounded(dtype: dtype, isWidened: widened), dtype: running, keeping: kept) {
      try Net($0)
    }
  }

  @Test(arguments: [DType.float16, .bfloat16], [1, 2, 5])
  func sameBits(_ dtype: DType, _ batch: Int) throws {
    let images = try Numbers.tensor([batch, 3, 7, 5], dtype: .float32)
    let (kept, widened) = (
      Compiled(try net(dtype, widened: false)), Compiled(try net(dtype, widened: true))
    )
    for _ in 0..<2 {
      let (a, b) = (try kept(images), try widened(images))
      #expect(try a.elements(as: Float.self) == b.elements(as: Float.self))
    }
    let eager = try ProbeRun.eagerly { (try kept(images), try widened(images)) }
    #expect(try eager.0.elements(as: Float.self) == eager.1.elements(as: Float.self))
    let plain = try Engines.$usesPlainKernels.withValue(true) {
      (try kept(images), try widened(images))
    }
    #expect(try plain.0.elements(as: Float.self) == plain.1.elements(as: Float.self))
  }

  /// Winograd's form sums in another order.
  @Test(arguments: [DType.float16, .bfloat16]) func sameButForRounding(_ dtype: DType) throws {
    func convolution(widened: Bool) throws -> Conv2d {
      try WeightScope.bind(Rounded(dtype: dtype, isWidened: widened), dtype: .float32) {
        try Conv2d($0, in: 64, out: 64, kernel: 3, padding: 1)
      }
    }
    let images = try Numbers.tensor([5, 64, 7, 5], dtype: .float32)
    let (a, b) = try (
      convolution(widened: false)(images).elements(as: Float.self),
      convolution(widened: true)(images).elements(as: Float.self)
    )
    let largest = b.map(abs).max() ?? 0
    #expect(largest > 0)
    for (x, y) in zip(a, b) { #expect(abs(x - y) <= 64 * 0x1p-24 * largest) }
  }

  /// Who asks a layer for its weights gets them in the dtype that it runs in.
  @Test func weightsAreSeenWidened() throws {
    let kept = KeptWeights()
    let net = try net(.bfloat16, widened: false, keeping: kept)
    #expect(net.wide.weight.dtype == .float32 && net.pointwise.weight.dtype == .float32)
    #expect(net.wide.parameters.allSatisfy { $0.tensor.dtype == .float32 })
    #expect(kept["wide.weight"]?.dtype == .float32)
    let double = try self.net(.float16, widened: false, running: .float64)
    #expect(double.wide.weight.dtype == .float64)
  }

  /// Infinities, NaN and subnormal values pass as they are.
  @Test(arguments: [DType.float16, .bfloat16])
  func extremes(_ dtype: DType) throws {
    let weight = try Tensor(
      (0..<512 * 300).map { i -> Float in
        switch i % 1000 {
        case 0: 0x1p-24
        case 1: -0x1.8p-20
        case 2: -0
        case 3 where i > 150_000: .infinity
        case 4 where i > 152_000: .nan
        default: Float(i % 97) / 64 - 0.7
        }
      }, shape: [300, 512]
    ).converted(to: dtype)
    let x = try Numbers.tensor([9, 512], dtype: .float32)
    let (a, b) = (
      try x.linear(weight: weight).elements(as: Float.self),
      try x.linear(weight: weight.converted(to: .float32)).elements(as: Float.self)
    )
    #expect(a.map(\.bitPattern) == b.map(\.bitPattern))
  }

  @Test func otherDTypesStillDoNotMix() throws {
    let x = try Numbers.tensor([9, 16], dtype: .float64)
    let error = #expect(throws: WeighbridgeError.self) {
      try x.linear(weight: Numbers.tensor([4, 16], dtype: .float32))
    }
    #expect(error?.code == .shape)
    #expect(throws: WeighbridgeError.self) {
      try x.linear(weight: Numbers.tensor([4, 16]).converted(to: .float16))
    }
  }
}
