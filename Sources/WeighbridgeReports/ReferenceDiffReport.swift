import WeighbridgeVerdicts
import WeighbridgeWeights

extension ReferenceDiff {
  /// The members that a diff has for any two files, and those of a verdict.
  package var json: JSONDocument {
    let (result, document) = (verdict.result ?? ParityResult(), verdict.json)
    guard case .object(let members) = document else { return document }
    let kept = members.filter {
      !["mapping", "config", "uncovered", "unreferenced"].contains($0.key)
    }
    return .object(
      [
        .init("identical", .boolean(holds)),
        .init("compared", .integer(result.comparedCount + others.comparedCount)),
        .init("equal", .integer(equalCount)),
        .init("only_in_a", .strings(result.unreferenced)),
        .init("only_in_b", .strings(result.uncovered)),
        .init("different", .array(different.map(\.json))),
        .init("other_dtype", .strings(others.otherDType)),
      ] + kept)
  }
}
