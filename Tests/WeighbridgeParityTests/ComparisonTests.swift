import TestSupport
import Testing
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeParity
@testable import WeighbridgeRunning

@Suite struct ComparisonTests {
  /// Errors 0.5 and −1 on references 2 and −4: every figure by hand.
  @Test func figuresOfTwoElements() throws {
    let got = try Tensor([2.5 as Float, -5], shape: [2])
    let reference = try Tensor([2 as Float, -4], shape: [2])
    let figures = try Comparison.figures(got, reference)
    #expect(figures.count == 2)
    #expect(figures.maxAbs == 1)
    #expect(figures.worst == .init(index: [1], got: -5, reference: -4))
    #expect(figures.rms == (1.25 / 2).squareRoot())
    #expect(figures.referenceRMS == 10.0.squareRoot())
    #expect(figures.referenceMax == 4)
    #expect(figures.maxRel == 0.25)
    #expect(figures.cosine == 25 / (31.25.squareRoot() * 20.0.squareRoot()))
    // 2.5 is a quarter of the binade [2, 4) above 2, as −5 is of [4, 8) below −4.
    #expect(figures.maxULP == 1 << 21)
    #expect(figures.elementwiseRatio == nil)
    #expect(!figures.isIdentical)
  }

  /// One channels-last image repeated over the batch: the same memory for every image.
  @Test func aRepeatedImageIsReadOnce() throws {
    let image = try Tensor((0..<60).map { Float($0) }, shape: [1, 4, 3, 5])
    let got = try image.permuted([0, 3, 1, 2]).expanded(to: [8, 5, 4, 3])
    let figures = try Comparison.figures(got, got.packedCopy())
    #expect(figures.isIdentical)
    #expect(figures.count == 480)
  }

  @Test func equalTensorsAreIdentical() throws {
    let x = try Tensor([1 as Float, -0.0, .infinity, -.infinity, .nan, 3], shape: [2, 3])
    let figures = try Comparison.figures(x, x)
    #expect(figures.isIdentical)
    #expect(figures.rms == 0)
    #expect(figures.maxULP == 0)
    #expect(figures.nonFinite.gotNaN == 1)
    #expect(figures.nonFinite.referenceInfinite == 2)
    #expect(figures.nonFinite.mismatched == 0)
    #expect(figures.signalToNoise == .infinity)
  }

  @Test func signedZerosAreEqual() throws {
    let figures = try Comparison.figures(
      Tensor([0 as Float, -0.0], shape: [2]), Tensor([-0.0 as Float, 0], shape: [2]))
    #expect(figures.maxULP == 0)
    #expect(figures.maxAbs == 0)
    #expect(figures.maxRel == 0)
    #expect(figures.cosine == 1)
  }

  @Test func ulpsAcrossZeroCountBothSides() {
    #expect(ulpDistance(Float.leastNonzeroMagnitude, -Float.leastNonzeroMagnitude) == 2)
    #expect(ulpDistance(1 as Float, (1 as Float).nextUp) == 1)
    #expect(ulpDistance(-Float.greatestFiniteMagnitude, .greatestFiniteMagnitude) == 0xfeff_fffe)
    #expect(ulpDistance(-Double.leastNonzeroMagnitude, Double.leastNonzeroMagnitude) == 2)
    #expect(
      ulpDistance(-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude)
        == 2 * (0x7fef_ffff_ffff_ffff as UInt64))
  }

  @Test(arguments: [
    (Float.nan, Float(1), true), (1, .nan, true), (.infinity, 1, false),
    (.infinity, -.infinity, false),
    (.nan, .infinity, true),
  ])
  func nonFiniteOnOneSideShows(_ got: Float, _ reference: Float, _ isNaN: Bool) throws {
    var values = [Float](repeating: 1, count: 37)
    var recorded = values
    values[21] = got
    recorded[21] = reference
    let figures = try Comparison.figures(
      Tensor(values, shape: [37]), Tensor(recorded, shape: [37]),
      tolerance: .init(relative: 1, absolute: 1))
    #expect(figures.nonFinite.mismatched == 1)
    #expect(figures.maxAbs.isNaN == isNaN)
    #expect(figures.rms.isNaN == isNaN)
    #expect(isNaN || figures.maxAbs == .infinity)
    #expect(figures.worst?.index == [21])
    #expect(figures.elementwiseRatio == .infinity)
    #expect(!figures.isIdentical)
  }

  @Test func emptyTensorsHoldNothing() throws {
    let empty = try Tensor([Float](), shape: [0, 3])
    let figures = try Comparison.figures(empty, empty, tolerance: .init(relative: 0, absolute: 0))
    #expect(figures.count == 0)
    #expect(figures.maxAbs == 0)
    #expect(figures.rms == 0)
    #expect(figures.elementwiseRatio == 0)
  }

  @Test func shapesMustAgree() throws {
    let a = try Tensor([1 as Float, 2], shape: [2])
    let b = try Tensor([1 as Float, 2], shape: [1, 2])
    #expect(throws: WeighbridgeError.self) { try Comparison.figures(a, b) }
    let descriptor = Tensor(describing: .float32, shape: [2])
    #expect(throws: WeighbridgeError.self) { try Comparison.figures(a, descriptor) }
  }

  @Test func elementwiseRatioIsThatOfTheWorstElement() throws {
    let got = try Tensor([1.5 as Float, 10.5, 0], shape: [3])
    let reference = try Tensor([1 as Float, 10, 0], shape: [3])
    let figures = try Comparison.figures(
      got, reference, tolerance: .init(relative: 0.5, absolute: 1))
    #expect(figures.elementwiseRatio == 0.5 / 1.5)
    let exact = try Comparison.figures(got, reference, tolerance: .init(relative: 0, absolute: 0))
    #expect(exact.elementwiseRatio == .infinity)
    let same = try Comparison.figures(got, got, tolerance: .init(relative: 0, absolute: 0))
    #expect(same.elementwiseRatio == 0)
  }
}

/// Every path through the comparison against one loop over doubles.
@Suite struct ComparisonPathTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var shape: Shape
    var gotDType: DType = .float32
    var referenceDType: DType = .float32
    var gotFormat: MemoryFormat = .contiguous
    var referenceFormat: MemoryFormat = .contiguous

    var testDescription: String {
      "\(shape) \(gotDType) \(gotFormat) against \(referenceDType) \(referenceFormat)"
    }
  }

  static let cases: [Case] = [
    Case(shape: []), Case(shape: [1]), Case(shape: [7]), Case(shape: [8]), Case(shape: [2049]),
    Case(shape: [3, 70_001]),
    Case(shape: [2, 3, 5, 7], gotFormat: .channelsLast),
    Case(shape: [2, 33, 9, 11], gotFormat: .channelsLast),
    Case(shape: [1, 64, 13, 10], gotFormat: .channelsLast),
    Case(shape: [3, 17, 40, 41], gotFormat: .channelsLast),
    Case(shape: [2, 17, 20, 21], gotFormat: .channelsLast, referenceFormat: .channelsLast),
    Case(shape: [2, 17, 20, 21], referenceFormat: .channelsLast),
    Case(shape: [5, 1000], referenceDType: .float64),
    Case(shape: [5, 1000], gotDType: .float64, referenceDType: .float64),
    Case(shape: [5, 1000], referenceDType: .float16),
    Case(shape: [5, 1000], referenceDType: .bfloat16),
    Case(shape: [2, 9, 8, 7], gotDType: .float64, gotFormat: .channelsLast),
    Case(shape: [2, 9, 8, 7], referenceDType: .float16, gotFormat: .channelsLast),
  ]

  @Test(arguments: cases)
  func agreesWithPlainLoop(_ example: Case) throws {
    var generator = SplitMix(seed: UInt64(example.shape.elementCount + 1))
    let count = example.shape.elementCount
    let values = (0..<count).map { _ in generator.next(in: -2...2) }
    let noisy = values.map { $0 + generator.next(in: -1e-3...1e-3) }
    let got = try Tensor(noisy, shape: example.shape).converted(to: example.gotDType)
      .contiguous(example.gotFormat)
    let reference = try Tensor(values, shape: example.shape).converted(to: example.referenceDType)
      .contiguous(example.referenceFormat)
    let tolerance = ElementwiseTolerance(relative: 1e-4, absolute: 1e-5)
    let figures = try Comparison.figures(got, reference, tolerance: tolerance)
    let (a, b) = (try got.elements(as: Double.self), try reference.elements(as: Double.self))
    let errors = zip(a, b).map { abs($0 - $1) }
    let worst = errors.max() ?? 0
    #expect(figures.maxAbs == worst)
    #expect(figures.referenceMax == b.map(abs).max() ?? 0)
    #expect(figures.maxRel == zip(errors, b).map { $0 / abs($1) }.max() ?? 0)
    let ratios = zip(errors, b).map {
      $0 / (tolerance.absolute + tolerance.relative * abs($1))
    }
    #expect(figures.elementwiseRatio == ratios.max() ?? 0)
    let rms = (errors.reduce(0) { $0 + $1 * $1 } / Double(count)).squareRoot()
    #expect(abs(figures.rms - rms) <= 1e-12 * rms)
    let index = try #require(figures.worst?.index)
    let position = zip(index, example.shape).reduce(0) { $0 * $1.1 + $1.0 }
    #expect(errors[position] == worst)
    if example.gotDType == .float32 || example.referenceDType != .float64 {
      let steps = zip(a, b).map { ulpDistance(Float($0), Float($1)) }.max() ?? 0
      #expect(figures.maxULP == UInt64(steps))
    }
  }

  /// Comparing and copying in one pass gives the same figures, and the recorded values laid out like
  /// ours, wherever the file has them.
  @Test(arguments: cases, [0, 1, 2])
  func substituteIsTheReference(_ example: Case, _ shift: Int) throws {
    var generator = SplitMix(seed: UInt64(example.shape.elementCount + 7))
    let values = (0..<example.shape.elementCount).map { _ in generator.next(in: -2...2) }
    let reference = try Tensor(values, shape: example.shape).converted(to: example.referenceDType)
      .contiguous(example.referenceFormat).moved(by: shift)
    let got = try Tensor(values.map { $0 * 1.0001 }, shape: example.shape)
      .converted(to: example.gotDType).contiguous(example.gotFormat)
    let tolerance = ElementwiseTolerance(relative: 1e-4, absolute: 1e-5)
    var (figures, substitute) = try Comparison.substituting(
      reference, for: got, tolerance: tolerance)
    var expected = try Comparison.figures(got, reference, tolerance: tolerance)
    #expect(abs(figures.rms - expected.rms) <= 1e-14 * expected.rms)
    #expect(abs(figures.referenceRMS - expected.referenceRMS) <= 1e-14 * expected.referenceRMS)
    #expect(abs(figures.cosine - expected.cosine) <= 1e-14)
    // Sums and ties may come in another order.
    (figures.rms, figures.referenceRMS, figures.cosine, figures.worst) = (0, 0, 0, nil)
    (expected.rms, expected.referenceRMS, expected.cosine, expected.worst) = (0, 0, 0, nil)
    #expect(figures == expected)
    #expect(substitute.dtype == got.dtype && substitute.isAligned)
    #expect(substitute.isDense(got.preferredFormat))
    let wanted = try reference.converted(to: got.dtype).elements(as: Double.self)
    #expect(try substitute.elements(as: Double.self) == wanted)
  }

  /// The screen of the fast loop lets nothing slip through that raises a maximum.
  @Test("extremes at one element among equal ones", arguments: [0, 3, 700, 2047, 2048])
  func oneElementStandsOut(_ position: Int) throws {
    let tiny = Float.leastNonzeroMagnitude
    let pairs: [(Float, Float)] = [
      (1, 1 + 0x1p-23), (-1, -1 - 0x1p-22), (3e-38, 3.1e-38), (tiny, -tiny), (0, tiny),
      (-0.0, 0), (1e38, -1e38), (4, -4), (5, 2.5), (1, 0), (0, 1), (1e-30, 1.1e-30),
      (0.5, 0.5 + 0x1p-23), (1e-3, 1.001e-3), (-1e-3, 1e-3), (0, 0.01), (0.01, 0),
    ]
    for (got, reference) in pairs {
      var values = [Float](repeating: 0.5, count: 2050)
      var recorded = values
      (values[position], recorded[position]) = (got, reference)
      // A larger error, though a smaller one for its size, must not hide it.
      (values[1], recorded[1]) = (0x1p20 + 0.125, 0x1p20)
      let tolerance = ElementwiseTolerance(relative: 0.5, absolute: 1)
      let figures = try Comparison.figures(
        Tensor(values, shape: [2050]), Tensor(recorded, shape: [2050]), tolerance: tolerance)
      let all = zip(values, recorded)
      let errors = all.map { abs(Double($0) - Double($1)) }
      #expect(figures.maxAbs == errors.max())
      #expect(figures.maxULP == UInt64(all.map { ulpDistance($0, $1) }.max() ?? 0))
      let relative = zip(errors, recorded).filter { $0.1 != 0 }.map { $0 / Double(abs($1)) }
      #expect(figures.maxRel == relative.max())
      let ratios = zip(errors, recorded).map { $0 / (1 + 0.5 * Double(abs($1))) }
      #expect(figures.elementwiseRatio == ratios.max())
    }
  }

  @Test("a tensor that is returned again is not compared again")
  func repeatedOutput() throws {
    var generator = SplitMix(seed: 3)
    let values = (0..<4000).map { _ in generator.next(in: -1...1) }
    let recorded = try Tensor(values, shape: [2, 20, 10, 10]).converted(to: .float32)
    let got = try recorded.affine(scale: 1.001).contiguous(.channelsLast)
    let tolerance = ElementwiseTolerance(relative: 1e-4, absolute: 1e-5)
    let (figures, substitute) = try Comparison.substituting(
      recorded, for: got, tolerance: tolerance)
    let compared = ComparedOutput(
      tensor: got, recorded: recorded, tolerance: tolerance, figures: figures,
      isSubstituted: false)
    let again = try recorded.packedCopy()
    #expect(compared.figures(of: got, against: again, tolerance: tolerance) == figures)
    #expect(compared.figures(of: got, against: again, tolerance: nil) == nil)
    #expect(
      try compared.figures(of: got.packedCopy(.channelsLast), against: again, tolerance: tolerance)
        == nil)
    let other = try Tensor(
      values.enumerated().map { $0 == 3999 ? $1 + 1e-7 : $1 }, shape: [2, 20, 10, 10]
    ).converted(to: .float32)
    #expect(compared.figures(of: got, against: other, tolerance: tolerance) == nil)

    let replaced = ComparedOutput(
      tensor: substitute, recorded: recorded, tolerance: tolerance, figures: figures,
      isSubstituted: true)
    let known = try #require(
      replaced.figures(of: substitute, against: again, tolerance: tolerance))
    var measured = try Comparison.figures(substitute, again, tolerance: tolerance)
    #expect(abs(measured.cosine - 1) <= 1e-15)
    measured.cosine = 1
    #expect(known == measured)
  }

  @Test("views of ours that are no dense image: broadcast, cut, padded rows")
  func views() throws {
    var generator = SplitMix(seed: 5)
    func image(_ shape: Shape) throws -> Tensor {
      try Tensor((0..<shape.elementCount).map { _ in generator.next(in: -1...1) }, shape: shape)
        .converted(to: .float32).contiguous(.channelsLast)
    }
    let views = [
      try image([1, 70, 9, 11]).expanded(to: [3, 70, 9, 11]),
      try image([2, 70, 12, 11]).narrowed(2, start: 2, length: 9),
      try image([2, 80, 9, 11]).narrowed(1, start: 8, length: 70),
      try image([2, 70, 9, 30]).narrowed(3, start: 19, length: 11),
    ]
    for view in views {
      let reference = try view.affine(shift: 0.25).contiguous()
      let figures = try Comparison.figures(view, reference)
      #expect(abs(figures.rms - 0.25) < 1e-6 && abs(figures.maxAbs - 0.25) < 1e-6)
    }
  }

  @Test func repeatedRunsGiveTheSameSums() throws {
    var generator = SplitMix(seed: 9)
    let values = (0..<200_000).map { _ in generator.next(in: -1...1) }
    let a = try Tensor(values, shape: [200_000]).converted(to: .float32)
    let b = try Tensor(values.map { $0 * 1.0001 }, shape: [200_000]).converted(to: .float32)
    let first = try Comparison.figures(a, b)
    for _ in 0..<5 { #expect(try Comparison.figures(a, b) == first) }
  }

  @Test func integersAndTruthValuesCompareByValue() throws {
    let a = try Tensor([1 as Int64, 2, 300], shape: [3])
    let b = try Tensor([1 as Int32, 2, 301], shape: [3])
    #expect(try Comparison.figures(a, b).maxAbs == 1)
  }
}

extension Tensor {
  /// The same values `shift` bytes away from a multiple of 64, as in a file that is used in place.
  fileprivate func moved(by shift: Int) throws -> Tensor {
    guard shift > 0 else { return self }
    let source = self
    let storage = try TensorStorage(byteCount: byteCount + shift) { target in
      guard let base = target.baseAddress else { return }
      target.initializeMemory(as: UInt8.self, repeating: 0)
      try source.withRawElements {
        (base + shift).copyMemory(from: $0, byteCount: source.byteCount)
      }
    }
    return try Tensor(
      dtype: dtype, shape: shape, strides: strides, storage: storage.part(from: shift))
  }
}
