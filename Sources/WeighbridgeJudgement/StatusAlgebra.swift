import WeighbridgeComparison
import WeighbridgeVerdicts

/// Decides the status of one tensor from what the two runs found.
package struct StatusAlgebra {
  package init() {}

  /// Whether a failure was seen earlier, in execution order.
  package private(set) var hasFailed = false
  /// The first layer that failed by itself and whose recorded output could not be handed on, and why:
  /// what fails after it in the isolated run may fail because of it.
  private var unreplaced: Ground?

  /// - Parameters:
  ///   - hasComparedChildren: Whether modules called in it were set right in the isolated run.
  ///   - problem: Why it could not be compared though something was recorded.
  ///   - isIsolated: Whether there was an isolated run.
  ///   - isClean: Whether its module is known to have worked on recorded values in the isolated run.
  ///   - irreplaceable: The tensor's name and why it could not be handed on, if so.
  package mutating func status(
    cumulative: Measurement?, isolated: Measurement?, hasComparedChildren: Bool, problem: Ground?,
    isIsolated: Bool = true, isClean: Bool = true, irreplaceable: Ground? = nil
  ) -> (LayerStatus, [Ground]) {
    let blamed = isClean ? nil : unreplaced
    let own: LayerStatus = hasComparedChildren ? .glue : .source
    let result =
      problem.map { misshapen($0, own, isolated, isIsolated, blamed: blamed) }
      ?? decide(cumulative, isolated, own, blamed: blamed)
    if result.0.isFailure { hasFailed = true }
    if isolated.map({ !$0.holds }) ?? (problem != nil) { unreplaced = unreplaced ?? irreplaceable }
    return result
  }

  /// For a tensor of a shape that cannot be compared.
  private func misshapen(
    _ problem: Ground, _ own: LayerStatus, _ isolated: Measurement?, _ isIsolated: Bool,
    blamed: Ground?
  ) -> (LayerStatus, [Ground]) {
    // On recorded inputs it has the recorded shape.
    if let isolated, isolated.holds { return (.inherited, [problem]) }
    if let blamed { return (.inherited, [problem, blamed]) }
    return !isIsolated && hasFailed ? (.inherited, [problem]) : (own, [problem])
  }

  private func decide(
    _ cumulative: Measurement?, _ isolated: Measurement?, _ own: LayerStatus, blamed: Ground?
  ) -> (LayerStatus, [Ground]) {
    guard let cumulative else { return (.missing, []) }
    let recorded = cumulative.figures.nonFinite
    if recorded.referenceNaN > 0 {
      return (.nonfinite, [.recordedNaN(recorded.referenceNaN)])
    }
    if let sums = cumulative.figures.means?.referenceNaN, sums > 0 {
      return (.nonfinite, [.recordedSumsNaN(sums)])
    }
    if let isolated {
      if !isolated.holds {
        if let blamed { return (.inherited, [blamed]) }
        return isolated.figures.nonFinite.mismatched > 0
          ? (.nonfinite, StatusAlgebra.grounds(isolated.figures))
          : (own, StatusAlgebra.grounds(isolated))
      }
      return cumulative.holds ? (.ok, []) : (.inherited, [])
    }
    // Without an isolated run the first failure is taken for the cause of those after it.
    if cumulative.holds { return (.ok, []) }
    if hasFailed { return (.inherited, []) }
    return cumulative.figures.nonFinite.mismatched > 0
      ? (.nonfinite, StatusAlgebra.grounds(cumulative.figures))
      : (own, StatusAlgebra.grounds(cumulative))
  }

  /// What to say of samples that hold while the sums do not.
  private static func grounds(_ measurement: Measurement) -> [Ground] {
    guard let means = measurement.figures.means else { return [] }
    if means.mismatched > 0 {
      return [.sumsNonFinite(means.mismatched, of: means.count)]
    }
    let judgement = measurement.judgement
    guard let ratio = judgement.meanRatio, let limit = judgement.meanLimit, ratio > limit,
      judgement.ratio <= judgement.limit, judgement.largestRatio ?? 0 <= judgement.largestLimit ?? 0
    else { return [] }
    return [.mean(index: means.worst, error: means.largest, ratio: ratio, limit: limit)]
  }

  private static func grounds(_ figures: Figures) -> [Ground] {
    let counts = figures.nonFinite
    let got = counts.gotNaN + counts.gotInfinite
    let recorded = counts.referenceNaN + counts.referenceInfinite
    return [.nonFinite(got, of: figures.count, recorded: recorded)]
  }
}
