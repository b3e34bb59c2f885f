import WeighbridgeComparison
import WeighbridgeVerdicts

/// Decides the status of one tensor from what the two runs found.
package struct StatusAlgebra {
  package init() {}

  /// Whether a failure was seen earlier, in execution order.
  package private(set) var hasFailed = false
  /// The first layer that failed by itself and whose recorded output could not be handed on, and why:
  /// what fails after it in the isolated run may fail because of it.
  private var unreplaced: String?

  /// - Parameters:
  ///   - hasComparedChildren: Whether modules called in it were set right in the isolated run.
  ///   - problem: Why it could not be compared though something was recorded.
  ///   - isIsolated: Whether there was an isolated run.
  ///   - isClean: Whether its module is known to have worked on recorded values in the isolated run.
  ///   - irreplaceable: The tensor's name and why it could not be handed on, if so.
  package mutating func status(
    cumulative: Measurement?, isolated: Measurement?, hasComparedChildren: Bool, problem: String?,
    isIsolated: Bool = true, isClean: Bool = true, irreplaceable: String? = nil
  ) -> (LayerStatus, String?) {
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
    _ problem: String, _ own: LayerStatus, _ isolated: Measurement?, _ isIsolated: Bool,
    blamed: String?
  ) -> (LayerStatus, String?) {
    // On recorded inputs it has the recorded shape.
    if let isolated, isolated.holds { return (.inherited, problem) }
    if let blamed { return (.inherited, "\(problem), or wrong itself: \(blamed)") }
    return !isIsolated && hasFailed ? (.inherited, problem) : (own, problem)
  }

  private func decide(
    _ cumulative: Measurement?, _ isolated: Measurement?, _ own: LayerStatus, blamed: String?
  ) -> (LayerStatus, String?) {
    guard let cumulative else { return (.missing, nil) }
    let recorded = cumulative.figures.nonFinite
    if recorded.referenceNaN > 0 {
      return (.nonfinite, "the recorded activation holds \(recorded.referenceNaN) NaN")
    }
    if let sums = cumulative.figures.means?.referenceNaN, sums > 0 {
      return (.nonfinite, "\(sums) sums of the recorded activation are NaN")
    }
    if let isolated {
      if !isolated.holds {
        if let blamed { return (.inherited, "or wrong itself: \(blamed)") }
        return isolated.figures.nonFinite.mismatched > 0
          ? (.nonfinite, StatusAlgebra.reason(isolated.figures))
          : (own, StatusAlgebra.reason(isolated))
      }
      return cumulative.holds ? (.ok, nil) : (.inherited, nil)
    }
    // Without an isolated run the first failure is taken for the cause of those after it.
    if cumulative.holds { return (.ok, nil) }
    if hasFailed { return (.inherited, nil) }
    return cumulative.figures.nonFinite.mismatched > 0
      ? (.nonfinite, StatusAlgebra.reason(cumulative.figures))
      : (own, StatusAlgebra.reason(cumulative))
  }

  /// What to say of samples that hold while the sums do not.
  private static func reason(_ measurement: Measurement) -> String? {
    guard let means = measurement.figures.means else { return nil }
    if means.mismatched > 0 {
      return "\(means.mismatched) of \(means.count) sums are NaN or infinite on one side only"
    }
    let judgement = measurement.judgement
    guard let ratio = judgement.meanRatio, let limit = judgement.meanLimit, ratio > limit,
      judgement.ratio <= judgement.limit, judgement.largestRatio ?? 0 <= judgement.largestLimit ?? 0
    else { return nil }
    let place = means.worst.map(String.init).joined(separator: ",")
    return "the mean at [\(place)] is off by \(Format.small(means.largest)), "
      + "\(Format.ratio(ratio)) times what is allowed, limit \(Format.ratio(limit))"
  }

  private static func reason(_ figures: Figures) -> String {
    let counts = figures.nonFinite
    let got = counts.gotNaN + counts.gotInfinite
    let recorded = counts.referenceNaN + counts.referenceInfinite
    return "\(got) of \(figures.count) values are NaN or infinite, \(recorded) in the reference"
  }
}
