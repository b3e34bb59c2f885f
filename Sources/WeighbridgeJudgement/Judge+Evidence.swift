import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension Judge {
  /// The verdict on all evidence. Nothing is run: where a rule needs more than there is, judging ends
  /// there, and says what it needs.
  package func judged(_ evidence: Evidence, _ terms: Terms) -> Judged {
    var result = ParityResult()
    (result.requiresAll, result.allowsPartial) = (terms.requiresAll, terms.allowsPartial)
    result.handsOnOtherShapes = evidence.isolated?.handsOnOtherShapes ?? true
    if let remark = evidence.oracleRemark { result.remarks.append(remark) }
    Assembly(evidence, self).fill(&result)
    // The noise that was recorded for a tensor of a few elements may be far below what float32 makes
    // there on average. Before a layer is called wrong, our own noise is measured, too.
    if terms.mayMeasureOwn, result.mayBeRounding(limits) {
      return Judged(result: result, need: .ownNoise)
    }
    result.remarks += evidence.remarks
    if terms.mayMeasure {
      let rule = LayerRoundingRule(self, evidence, terms)
      let doubtful = rule.doubtful(result)
      if !doubtful.isEmpty {
        guard let rounding = evidence.layerRounding else {
          return Judged(result: result, need: .layers(doubtful))
        }
        rule.apply(rounding, to: &result)
      }
      if evidence.isolated != nil, terms.hasTwin {
        GrownRounding(judge: self, reference: evidence.reference).accept(&result)
      }
    }
    if terms.mayMoveResults {
      let rule = MovedRounding(judge: self, evidence: evidence)
      if rule.applies(to: result), !rule.accept(&result), evidence.moved.count < terms.movingLimit {
        return Judged(result: result, need: .moved)
      }
    }
    let rule = ProductionRule(judge: self, evidence: evidence)
    let need = rule.judge(&result, terms)
    return Judged(result: result, need: need)
  }
}

extension ParityResult {
  /// Whether our own noise could clear a layer: something fails, and not everything that fails by itself
  /// does so by more than any draw of rounding is above another. The float64 run takes many times as long as
  /// the model itself, in a debug build above all.
  fileprivate func mayBeRounding(_ limits: Limits) -> Bool {
    guard !passes else { return false }
    let failures = (layers + outputs).filter(\.status.isFailure)
    let causes = failures.filter(\.status.isCause)
    guard !causes.isEmpty else { return !failures.isEmpty }
    return causes.contains { cause in
      let share = cause.shareOfLimit ?? .infinity
      return share <= limits.drawSpread
    }
  }
}
