import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeTensors
import WeighbridgeVerdicts

/// Everything that runs found out about a model, before anything is judged.
package struct Evidence: Sendable {
  package let reference: Reference
  package let facts: RecordedFacts
  /// The model on its own results.
  package let cumulative: Trace
  /// The model on recorded results; `nil` where that is not wanted.
  package var isolated: Trace?
  /// The model as a program runs it.
  package let production: Trace
  /// Our rounding of the whole run, float32 against float64; empty where it was not measured.
  package var own: [Line: Reference.Noise] = [:]
  /// The rounding of single layers; `nil` where it was not measured.
  package var layerRounding: LayerRounding?
  /// Our rounding of the whole run as far as moving every result by its last bit shows it: the largest
  /// after one run, after two, and so on.
  package var moved: [[Line: Reference.Noise]] = []
  /// The outputs of a second run of a program, on the same inputs; `nil` where it was not made.
  package var repeated: [Tensor]?
  /// Runs of a program and probed ones on inputs that are moved by one unit in their last place.
  package var nearby: [NearbyRun] = []
  /// Why our own rounding was not measured, where it was wanted.
  package var oracleRemark: Remark?
  /// What to say of the model's inputs.
  package var remarks: [Remark] = []

  package init(
    _ reference: Reference, _ facts: RecordedFacts, cumulative: Trace, production: Trace
  ) {
    (self.reference, self.facts) = (reference, facts)
    (self.cumulative, self.production) = (cumulative, production)
  }
}

/// The model's outputs on inputs that are moved by one unit in their last place.
package struct NearbyRun: Sendable {
  /// Run as a program runs it.
  package let production: [Tensor]
  package let probed: [Tensor]

  package init(production: [Tensor], probed: [Tensor]) {
    (self.production, self.probed) = (production, probed)
  }
}

/// How much single layers round by themselves, on recorded results.
package struct LayerRounding: Sendable {
  /// Float32 against float64, or against a run whose results were moved by their last bit.
  package var noise: [Line: Reference.Noise] = [:]
  /// The channel, row or head whose error is largest beside its own rounding.
  package var worst: [Line: LocalJudge.Finding] = [:]
  /// Whether it was measured against float64.
  package var isExact = false
  /// Why not, where that was tried.
  package var remark: Remark?

  package init() {}
}

/// What may be measured, and what is asked of the verdict.
package struct Terms: Sendable {
  package var requiresAll = false
  package var allowsPartial = false
  /// Whether every layer is held against its own rounding, and not only those whose error is large.
  package var measuresAll = false
  /// Whether our own noise may be measured before a layer is called wrong.
  package var mayMeasureOwn = false
  /// Whether single layers' rounding may be measured, and the run of a program made again.
  package var mayMeasure = false
  /// Whether the model in float64 is at hand for that.
  package var hasTwin = false
  /// Whether our rounding may be measured by moving results, which is done where there is no model in
  /// float64.
  package var mayMoveResults = false
  /// How often results may be moved.
  package var movingLimit = 0

  package init() {}
}

/// Evidence that a judge lacks.
package enum Need: Sendable {
  /// Our own rounding of the whole run.
  case ownNoise
  /// The rounding of these layers and outputs by themselves; those of them that are held against it
  /// place by place have the judged line beside them.
  case layers([(verdict: LayerVerdict, isByPlace: Bool)])
  /// One more run with every result moved.
  case moved
  /// The run of a program once more.
  case repetition
  /// The run of a program and a probed one on inputs that are moved.
  case nearby
}

/// What a judge makes of evidence: the verdict so far, and what it would have to know to go on.
package struct Judged: Sendable {
  package let result: ParityResult
  package let need: Need?
}
