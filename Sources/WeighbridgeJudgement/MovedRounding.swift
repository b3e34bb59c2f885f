import WeighbridgeComparison
import WeighbridgeReferences
import WeighbridgeVerdicts

/// Measures our own rounding without the model in float64, where nothing but that is missing.
///
/// The recorded noise is one draw: in a network that amplifies rounding (a softmax that is all but
/// decided, many times in a row) another draw may be a hundred times as large, and PyTorch on another
/// machine would give it. With the float64 twin ours is known, too, and by the triangle inequality a
/// right model's error is never above the sum. Without one, ours is measured as the difference that
/// it makes when every result is moved by one unit in its last place. The reference is not asked, so
/// that a wrong model excuses nothing; and layers were held against their own rounding first, measured
/// the same way on recorded results: what is accepted is an error that every layer by itself denies.
/// Behind samples no layer is by itself: there it counts as our noise from float64 does.
struct MovedRounding {
  let judge: Judge
  let evidence: Evidence

  /// Whether nothing but this may be missing.
  func applies(to result: ParityResult) -> Bool {
    !result.passes && result.layers.allSatisfy { $0.ownNoise == nil }
      && (result.isProven(judge.limits, evidence.reference) || isBehindSamples(result))
  }

  /// Whether all that fails worked on what was computed here, since what is recorded before it is sampled.
  private func isBehindSamples(_ result: ParityResult) -> Bool {
    evidence.reference.keys.contains(where: evidence.reference.isSampled)
      && (result.layers + result.outputs).allSatisfy { !$0.status.isFailure || mayHaveGrown($0) }
  }

  /// Whether a failure may be an error that arrived.
  private func mayHaveGrown(_ layer: LayerVerdict) -> Bool {
    layer.status == .inherited || layer.status.isCause && !layer.worksOnRecorded
  }

  /// - Returns: Whether what was measured so far is enough for a pass.
  func accept(_ result: inout ParityResult) -> Bool {
    var accepted = result
    for noise in evidence.moved where !accepted.passes {
      accepted.layers = accepted.layers.map { believing($0, noise[$0.line]) }
      accepted.outputs = accepted.outputs.map { believing($0, noise[$0.line]) }
    }
    guard accepted.passes else { return false }
    let pairs = zip(result.layers + result.outputs, accepted.layers + accepted.outputs)
    let names = pairs.filter { $0.0.status != $0.1.status }.map(\.0.name)
    accepted.remarks.append(.moved(names))
    result = accepted
    return true
  }

  /// The verdict with this as our own noise, where that changes it.
  private func believing(_ layer: LayerVerdict, _ noise: Reference.Noise?) -> LayerVerdict {
    guard mayHaveGrown(layer), let noise, let measured = layer.cumulative else { return layer }
    func judged(_ figures: Figures) -> Judgement {
      judge.judge(
        figures, recorded: .float32, reference: layer.recordedNoise, own: noise,
        terms: layer.rounding.terms)
    }
    var accepted = layer
    accepted.cumulative?.judgement = judged(measured.figures)
    if let isolated = layer.isolated, !isolated.holds {
      accepted.isolated?.judgement = judged(isolated.figures)
    }
    let measurements = [accepted.cumulative, accepted.isolated].compactMap(\.self)
    guard measurements.allSatisfy({ $0.holds && $0.figures.nonFinite.mismatched == 0 }) else {
      return layer
    }
    accepted.ownNoise = noise
    (accepted.status, accepted.grounds) = (.ok, [])
    return accepted
  }
}
