import Testing
import WeighbridgeVerdicts

@testable import WeighbridgeParity

/// What is run is bounded, and what is left out for that is said.
@Suite struct RunPlanTests {
  private func plan(_ byteCount: Int, _ oracle: OracleMode = .auto, isOffered: Bool = true)
    -> RunPlan
  {
    var options = ValidationOptions()
    options.oracle = oracle
    return RunPlan(options, hasNoise: true, isOffered: isOffered, byteCount: byteCount)
  }

  @Test func ownRoundingIsMeasuredBeforeALayerIsCalledWrong() {
    for (bytes, seconds) in [(0, 0.1), (2 << 30, 19)] {
      #expect(plan(bytes).terms(afterForwardOf: seconds, hasOwnNoise: false).mayMeasureOwn)
      #expect(plan(bytes).unmeasured(afterForwardOf: seconds) == nil)
    }
  }

  @Test func whatIsNotMeasuredIsSaid() throws {
    let large = plan(100 << 30)
    #expect(!large.terms(afterForwardOf: 1, hasOwnNoise: false).mayMeasureOwn)
    guard case .oracleTooLarge(100 << 30)? = large.unmeasured(afterForwardOf: 1) else {
      Issue.record("the size is not named")
      return
    }
    guard case .oracleTooSlow(21)? = plan(1).unmeasured(afterForwardOf: 21) else {
      Issue.record("the time is not named")
      return
    }
    // Nobody is told of a run that could not be made, or that was not wanted.
    #expect(plan(100 << 30, isOffered: false).unmeasured(afterForwardOf: 1) == nil)
    #expect(plan(100 << 30, .never).unmeasured(afterForwardOf: 1) == nil)
  }
}
