import Testing
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeJudgement
@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeRunning

@Suite struct JudgeTests {
  private func figures(rms: Double, maxAbs: Double) -> Figures {
    var figures = Figures()
    (figures.count, figures.rms, figures.maxAbs) = (100, rms, maxAbs)
    (figures.referenceRMS, figures.referenceMax) = (1, 3)
    return figures
  }

  /// e / (n_ref + n_got + 4·2⁻²⁴·rms): by hand.
  @Test func ratioIsErrorOverNoises() {
    let judgement = Judge().judge(
      figures(rms: 3e-6, maxAbs: 9e-6), recorded: .float32, reference: .init(rms: 1e-6, max: 4e-6),
      own: .init(rms: 2e-6, max: 5e-6))
    #expect(judgement.basis == .recordedNoise)
    #expect(judgement.ratio == 3e-6 / (4 * 0x1p-24 * 1 + 1e-6 + 2e-6))
    #expect(judgement.largestRatio == 9e-6 / (4 * 0x1p-24 * 3 + 4e-6 + 5e-6))
    #expect(judgement.holds)
  }

  @Test func eachLimitCounts() {
    let noise = Reference.Noise(rms: 1e-6, max: 4e-6)
    let judge = Judge()
    func holds(_ rms: Double, _ maxAbs: Double) -> Bool {
      judge.judge(
        figures(rms: rms, maxAbs: maxAbs), recorded: .float32, reference: noise, own: nil
      ).holds
    }
    #expect(holds(4e-6, 3e-5))
    #expect(!holds(6e-6, 3e-5))
    #expect(!holds(4e-6, 5e-5))
  }

  @Test func noNoiseAndNoErrorPasses() {
    var exact = figures(rms: 0, maxAbs: 0)
    (exact.referenceRMS, exact.referenceMax) = (0, 0)
    let judgement = Judge().judge(
      exact, recorded: .float32, reference: .init(rms: 0, max: 0), own: nil)
    #expect(judgement.ratio == 0)
    #expect(judgement.holds)
    var wrong = exact
    (wrong.rms, wrong.maxAbs) = (1e-30, 1e-30)
    #expect(
      !Judge().judge(wrong, recorded: .float32, reference: .init(rms: 0, max: 0), own: nil).holds)
  }

  /// Where float32 overflowed there is no rounding to measure; the other elements have theirs.
  @Test func ownNoiseLeavesOutWhatOverflowed() throws {
    let rounded = try Tensor([1, .infinity, -.infinity, .nan, 2] as [Float], shape: [5])
    let exact = try Tensor([1.5, 1e39, -1e40, 7, 2.25], shape: [5])
    let noise = try #require(try OracleProbe.noise(rounded, exact))
    #expect(noise.max == 0.5)
    #expect(abs(noise.rms - ((0.25 + 0.0625) / 5).squareRoot()) < 1e-15)
    let other = try Tensor([1.5, .infinity, -1e40, 7, .infinity], shape: [5])
    #expect(try OracleProbe.noise(rounded, other) == nil)
  }

  @Test func noiseThatIsNoNumberIsNotUsed() {
    var error = figures(rms: 1, maxAbs: 1)
    error.elementwiseRatio = 5
    let judgement = Judge().judge(
      error, recorded: .float32, reference: .init(rms: .nan, max: .infinity), own: nil)
    #expect(judgement.basis == .elementwise)
    #expect(!judgement.holds)
    error.elementwiseRatio = nil
    #expect(
      !Judge().judge(error, recorded: .float32, reference: .init(rms: .nan, max: 0), own: nil).holds
    )
  }

  @Test func halfPrecisionHasAWiderFloor() {
    let error = figures(rms: 0x1p-11, maxAbs: 0x1p-11)
    let none = Reference.Noise(rms: 0, max: 0)
    #expect(Judge().judge(error, recorded: .float16, reference: nil, own: none).holds)
    #expect(!Judge().judge(error, recorded: .float32, reference: nil, own: none).holds)
  }

  /// The values of `torch.testing.assert_close`'s table.
  @Test func defaultsAreThoseOfPyTorch() {
    #expect(
      ElementwiseTolerance.pyTorchDefault(.float32, .float32)
        == .init(relative: 1.3e-6, absolute: 1e-5))
    #expect(
      ElementwiseTolerance.pyTorchDefault(.float32, .float16)
        == .init(relative: 1e-3, absolute: 1e-5))
    #expect(
      ElementwiseTolerance.pyTorchDefault(.float64, .float64)
        == .init(relative: 1e-7, absolute: 1e-7))
    #expect(
      ElementwiseTolerance.pyTorchDefault(.int64, .int64) == .init(relative: 0, absolute: 0))
  }
}
