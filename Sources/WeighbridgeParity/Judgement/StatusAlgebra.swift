/// Decides the status of one tensor from what the two runs found.
struct StatusAlgebra {
  /// Whether a failure was seen earlier, in execution order.
  private(set) var hasFailed = false

  /// - Parameters:
  ///   - hasComparedChildren: Whether modules called in it were set right in the isolated run.
  ///   - problem: Why it could not be compared though something was recorded.
  mutating func status(
    cumulative: Measurement?, isolated: Measurement?, hasComparedChildren: Bool, problem: String?
  ) -> (LayerStatus, String?) {
    let result = decide(cumulative, isolated, hasComparedChildren, problem)
    if result.0.isFailure { hasFailed = true }
    return result
  }

  private func decide(
    _ cumulative: Measurement?, _ isolated: Measurement?, _ hasComparedChildren: Bool,
    _ problem: String?
  ) -> (LayerStatus, String?) {
    let own: LayerStatus = hasComparedChildren ? .glue : .source
    if let problem { return (own, problem) }
    guard let cumulative else { return (.missing, nil) }
    let recorded = cumulative.figures.nonFinite
    if recorded.referenceNaN > 0 {
      return (.nonfinite, "the recorded activation holds \(recorded.referenceNaN) NaN")
    }
    if let isolated {
      if !isolated.holds {
        return isolated.figures.nonFinite.mismatched > 0
          ? (.nonfinite, StatusAlgebra.reason(isolated.figures)) : (own, nil)
      }
      return cumulative.holds ? (.ok, nil) : (.inherited, nil)
    }
    // Without an isolated run the first failure is taken for the cause of those after it.
    if cumulative.holds { return (.ok, nil) }
    if hasFailed { return (.inherited, nil) }
    return cumulative.figures.nonFinite.mismatched > 0
      ? (.nonfinite, StatusAlgebra.reason(cumulative.figures)) : (own, nil)
  }

  private static func reason(_ figures: Figures) -> String {
    let counts = figures.nonFinite
    let got = counts.gotNaN + counts.gotInfinite
    let recorded = counts.referenceNaN + counts.referenceInfinite
    return "\(got) of \(figures.count) values are NaN or infinite, \(recorded) in the reference"
  }
}
