import Testing
import WeighbridgeModules

@testable import WeighbridgeDiagnosis
@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// A module whose forward is given, with children and tensors of its own.
private struct Joint: Module {
  let path: ModulePath
  var kind = "Joint"
  var children: [any UnaryModule] = []
  let gamma: Tensor?
  let compute: @Sendable (Tensor, [any UnaryModule], Tensor?) throws -> Tensor

  init(
    _ w: WeightScope, _ children: [(String, (WeightScope) throws -> any UnaryModule)] = [],
    gamma length: Int? = nil,
    _ compute: @escaping @Sendable (Tensor, [any UnaryModule], Tensor?) throws -> Tensor
  ) throws {
    path = w.path
    self.children = try children.map { try $1(w / $0) }
    gamma = try length.map { try w.parameter("gamma", .vector, [$0]) }
    self.compute = compute
  }

  func forward(_ x: Tensor) throws -> Tensor { try compute(x, children, gamma) }
}

/// Kinds of mistakes in hand-written ports: each is tried by running again, and told by what it says.
@Suite struct OutsideKindsTests {
  private typealias Children = [(String, (WeightScope) throws -> any UnaryModule)]

  private func joint(
    _ children: Children = [], gamma: Int? = nil,
    _ compute: @escaping @Sendable (Tensor, [any UnaryModule], Tensor?) throws -> Tensor
  ) -> (WeightScope) throws -> any UnaryModule {
    { try Joint($0, children, gamma: gamma, compute) }
  }

  private func text(_ result: ParityResult) -> String {
    result.diagnoses.first?.best.cause.text ?? "none"
  }

  // MARK: Interpolation

  /// PyTorch's `interpolate` from 2 × 3 to 3 × 5.
  @Test(arguments: [
    (
      KnownInterpolation.nearest,
      [1, 1, -2, -2, 4, 1, 1, -2, -2, 4, 0.5, 0.5, 3, 3, -1] as [Double]
    ),
    (
      .bilinear,
      [
        1, -0.2, -2, 1.6, 4, 0.75, 0.65, 0.5, 1.1, 1.5, 0.5, 1.5, 3, 0.6, -1,
      ]
    ),
    (
      .bilinearAlignedCorners,
      [1, -0.5, -2, 1, 4, 0.75, 0.625, 0.5, 1, 1.5, 0.5, 1.75, 3, 1, -1]
    ),
    (
      .bicubic,
      [
        1.377236, -0.80034, -2.434028, 1.518847, 5.093361, 0.774, 0.581, 0.5, 1.094, 1.596,
        0.170764, 1.96234, 3.434028, 0.669153, -1.901361,
      ]
    ),
    (
      .bicubicAlignedCorners,
      [
        1, -1.0625, -2, 0.71875, 4, 0.75, 0.53125, 0.5, 0.976562, 1.5, 0.5, 2.125, 3, 1.234375, -1,
      ]
    ),
  ])
  private func interpolation(_ form: KnownInterpolation, _ expected: [Double]) throws {
    let x = try Tensor([1, -2, 4, 0.5, 3, -1] as [Float], shape: [1, 1, 2, 3])
    let y = try form.resized(x, to: Pair(3, 5)).elements(as: Float.self)
    for (a, b) in zip(y, expected) { #expect(abs(Double(a) - b) < 2e-6) }
    #expect(y.count == expected.count)
  }

  @Test(arguments: [
    (KnownInterpolation.nearest, Cause.Kind.interpolationForm), (.bilinear, .alignCorners),
  ])
  private func upsamplingOfAnotherKind(_ here: KnownInterpolation, _ kind: Cause.Kind) throws {
    func net(_ form: KnownInterpolation) -> Layers {
      [joint { x, _, _ in try form.resized(x, to: Pair(2 * x.shape[2], 2 * x.shape[3])) }]
    }
    let result = try diagnoses(
      of: net(here), against: net(.bilinearAlignedCorners), input: [2, 3, 5, 4])
    #expect(first(result)?.0 == kind)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).hasPrefix("\(here.words) here and bilinear interpolation with align_"))
  }

  @Test func poolWhereNothingIsDone() throws {
    let result = try diagnoses(
      of: [{ Identity($0) }], against: [{ AvgPool2d($0, kernel: 2, stride: 2) }],
      input: [2, 3, 6, 4])
    #expect(first(result)?.0 == .poolingForm)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains("the mean over windows of 2 at stride 2"))
  }

  // MARK: Rolls and softmaxes

  /// Along one axis, along both as shifted windows are, and one of two that lie apart.
  @Test(arguments: [([1], [1], "1"), ([3, 2], [1, 2], "3, 2"), ([3, -1], [2, 1], "-2, -1")])
  func rolledTheOtherWay(_ shifts: [Int], axes: [Int], words: String) throws {
    func net(_ sign: Int) -> Layers {
      [joint { x, _, _ in try x.rolled(shifts.map { sign * $0 }, axes: axes).mapped(.absolute) }]
    }
    let result = try diagnoses(of: net(1), against: net(-1), input: [2, 7, 5, 3])
    #expect(first(result)?.0 == .rollDirection)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains("is rolled by \(words) along"), "\(text(result))")
  }

  @Test(arguments: [false, true]) func softmaxAndItsLogarithm(isLogarithmHere: Bool) throws {
    func net(_ isLogarithm: Bool) -> Layers {
      [
        joint([("fc", { try Linear($0, in: 6, out: 5) })]) { x, children, _ in
          let y = try children[0](x)
          return try isLogarithm ? y.logSoftmax(axis: 1) : y.softmax(axis: 1)
        }
      ]
    }
    let result = try diagnoses(
      of: net(isLogarithmHere), against: net(!isLogarithmHere), input: [4, 6])
    #expect(first(result)?.0 == .activationForm)
    #expect(first(result)?.1 == .likely)
    let (here, there) =
      isLogarithmHere ? ("log-softmax", "softmax") : ("softmax", "log-softmax")
    #expect(text(result) == "the \(here) is a \(there) in the reference")
  }

  @Test func softmaxModuleForItsLogarithm() throws {
    let result = try diagnoses(
      of: [{ Softmax($0, axis: 1) }],
      against: [joint { x, _, _ in try x.logSoftmax(axis: 1) }], input: [3, 4, 5])
    #expect(first(result)?.0 == .activationForm)
    #expect(first(result)?.1 == .likely)
  }

  // MARK: Norms and parameters

  @Test func normOfAnotherKind() throws {
    let images: Layers = [{ try GroupNorm($0, groups: 1, channels: 6, epsilon: 1e-6) }]
    let pixels: Layers = [
      { w in
        let norm = try LayerNorm(w, features: 6, epsilon: 1e-6)
        return try Joint(w) { x, _, _ in
          try x.permuted([0, 2, 3, 1]).contiguous().layerNormalized(
            weight: norm.weight, bias: norm.bias, epsilon: 1e-6
          ).permuted([0, 3, 1, 2])
        }
      }
    ]
    let result = try diagnoses(of: images, against: pixels, input: [2, 6, 4, 5])
    #expect(first(result)?.0 == .normForm)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains("over the channels of each pixel (layer norm)"))
  }

  @Test(arguments: [
    ("running_var", "holds the standard deviation"), ("weight", "is the scale less 1"),
    ("bias", "has the other sign"),
  ])
  func parameterStoredAsAFunctionOfItself(_ name: String, _ words: String) throws {
    let net: Layers = [{ try BatchNorm($0, channels: 5) }]
    let result = try diagnoses(of: net, against: net, input: [3, 5, 4, 3]) { given in
      let tensor = given["net.0.\(name)"]
      given["net.0.\(name)"] =
        switch name {
        case "running_var": try tensor?.mapped(.squareRoot)
        case "weight": try tensor?.affine(shift: -1)
        default: try tensor?.affine(scale: -1)
        }
    }
    #expect(first(result)?.0 == .parameterForm)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains(words))
  }

  @Test(arguments: [true, false]) func biasLost(hasBias: Bool) throws {
    func net(_ bias: BiasPolicy) -> Layers {
      [{ try Linear($0, in: 6, out: 4, bias: bias) }, { ReLU($0) }]
    }
    let result = try diagnoses(
      of: net(hasBias ? .present : .absent), against: net(.present), input: [3, 6]
    ) { given in
      if hasBias { given["net.0.bias"] = try Tensor([Float](repeating: 0, count: 4), shape: [4]) }
    }
    #expect(first(result)?.0 == .shiftLeftOut)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains(hasBias ? "it was lost" : "which has none here"))
  }

  @Test func scalesOfTwoBlocksExchanged() throws {
    func block(_ w: WeightScope) throws -> any UnaryModule {
      try Joint(
        w, [("fc", { try Linear($0, in: 5, out: 5) }), ("drop", { Identity($0) })], gamma: 5
      ) {
        x, children, gamma in
        let y = try children[0](x)
        return try children[1](gamma.map { try y * $0 } ?? y) + x
      }
    }
    let net: Layers = [block, block]
    let result = try diagnoses(of: net, against: net, input: [4, 5]) { given in
      (given["net.0.gamma"], given["net.1.gamma"]) = (given["net.1.gamma"], given["net.0.gamma"])
    }
    #expect(first(result)?.0 == .tensorsSwapped)
    #expect(first(result)?.1 == .likely)
    #expect(text(result) == "net.0.gamma and net.1.gamma hold each other's values")
  }

  // MARK: Inputs

  /// Pixels that the model should scale itself.
  @Test func pixelsNotScaled() throws {
    func net(scales: Bool) -> Layers {
      [
        joint([("conv", { try Conv2d($0, in: 3, out: 4, kernel: 3, padding: 1) })]) {
          x, children, _ in
          let mean = try Tensor([0.4, 0.5, 0.3] as [Float], shape: [1, 3, 1, 1])
          return try children[0]((scales ? x.affine(scale: 1.0 / 255) : x) - mean)
        }
      ]
    }
    let result = try diagnoses(
      of: net(scales: false), against: net(scales: true), input: [2, 3, 6, 5])
    #expect(first(result)?.0 == .inputNormalization)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains("1/255"))
  }

  @Test func leastSquaresNeedDeterminedColumns() {
    let a = [1.0, 2, 0, -1, 3], b = [0.0, 1, 1, 1, -2]
    let target = zip(a, b).map { 2 * $0 - 0.5 * $1 }
    let solved = LeastSquares.solve([a, b], target) ?? []
    #expect(solved.count == 2)
    for (x, y) in zip(solved, [2, -0.5]) { #expect(abs(x - y) < 1e-12) }
    #expect(LeastSquares.solve([a, a.map { 3 * $0 }], target) == nil)
    #expect(LeastSquares.solve([[1, 2, 3], [0, 1, 1]], [1, 2, 3]) == nil)
    #expect(LeastSquares.solve([a, [0, 0, 0, 0, 0]], target) == nil)
  }

  // MARK: Sums and functions

  @Test func inputNotTakenAway() throws {
    let pool: Children = [("pool", { AvgPool2d($0, kernel: 3, stride: 1, padding: 1) })]
    let result = try diagnoses(
      of: [joint(pool) { x, children, _ in try children[0](x) }],
      against: [joint(pool) { x, children, _ in try children[0](x) - x }],
      input: [2, 3, 5, 4])
    #expect(first(result)?.0 == .operationLeftOut)
    #expect(text(result) == "the reference takes its input from the result of net.0")
  }

  /// The second residual is a sum that no module returns.
  @Test func sumOfNoModuleForgotten() throws {
    let parts: Children = [
      ("a", { try Linear($0, in: 5, out: 5) }), ("b", { try Linear($0, in: 5, out: 5) }),
    ]
    func block(adds: Bool) -> Layers {
      [
        joint(parts) { x, children, _ in
          let y = try children[0](x) + x
          let z = try children[1](y)
          return adds ? try y + z : z
        }
      ]
    }
    let result = try diagnoses(of: block(adds: false), against: block(adds: true), input: [4, 5])
    #expect(first(result)?.0 == .operationLeftOut)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).hasPrefix("the reference adds the sum of net.0.a and "))
  }

  @Test func functionForgottenBeforeAPool() throws {
    let head: Children = [("fc", { try Linear($0, in: 3, out: 4) })]
    func net(rectifies: Bool) -> Layers {
      [
        { try BatchNorm($0, channels: 3) },
        joint(head) { x, children, _ in
          let y = rectifies ? try x.activated(.relu) : x
          return try children[0](y.adaptiveAveragePooled(to: 1).flattened(from: 1))
        },
      ]
    }
    let result = try diagnoses(
      of: net(rectifies: false), against: net(rectifies: true), input: [4, 3, 5, 4])
    #expect(first(result)?.0 == .operationLeftOut)
    #expect(first(result)?.1 == .likely)
    #expect(text(result).contains("applies relu to net.0 before the adaptive pooling"))
  }

  /// A slice of something recorded is taken by the module around.
  @Test func firstTokenForTheMean() throws {
    let head: Children = [("drop", { Identity($0) })]
    func net(takesMean: Bool) -> Layers {
      [
        { try LayerNorm($0, features: 5) },
        joint(head) { x, children, _ in
          try children[0](takesMean ? x.mean(axes: [1]) : x.selected(1, 0))
        },
      ]
    }
    let result = try diagnoses(
      of: net(takesMean: false), against: net(takesMean: true), input: [3, 7, 5])
    #expect(first(result)?.0 == .tokenPooling)
    #expect(first(result)?.1 == .likely)
  }
}
