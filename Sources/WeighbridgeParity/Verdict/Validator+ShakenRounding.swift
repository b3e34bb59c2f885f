import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension Validator {
  /// Measures our own rounding without the model in float64, where nothing but that is missing.
  ///
  /// The recorded noise is one draw: in a network that amplifies rounding (a softmax that is all but
  /// decided, many times in a row) another draw may be a hundred times as large, and PyTorch on another
  /// machine would give it. With the float64 twin ours is known, too, and by the triangle inequality a
  /// right model's error is never above the sum. Without one, ours is measured as the difference that
  /// it makes when every result is moved by one unit in its last place. The reference is not asked, so
  /// that a wrong model excuses nothing; and layers were held against their own rounding first, measured
  /// the same way on recorded results: what is accepted is an error that every layer by itself denies.
  func acceptShakenRounding(
    _ result: inout ParityResult, _ model: any Module, _ inputs: [Tensor]
  ) throws {
    guard !result.passes, options.isolates, options.tolerance == nil,
      result.layers.allSatisfy({ $0.ownNoise == nil }),
      OraclePlan.isAffordable(reference, result.seconds.forward)
    else { return }
    guard result.isProven(options.limits, reference) else { return }
    let clock = Stopwatch()
    var accepted = result
    let rounding = OwnRounding(reference, model, inputs)
    while !accepted.passes, try rounding.measureMore() {
      accepted.layers = accepted.layers.map {
        believing($0, rounding.noise[ActivationKey($0.path, call: $0.call, item: $0.item)])
      }
      accepted.outputs = accepted.outputs.enumerated().map {
        believing($1, rounding.noise[ActivationKey.output($0)])
      }
    }
    guard accepted.passes else { return }
    let pairs = zip(result.layers + result.outputs, accepted.layers + accepted.outputs)
    let names = pairs.filter { $0.0.status != $0.1.status }.map(\.0.name)
    accepted.notes.append(
      "\(Names.listed(names)): moving every result by one unit in the last place moves them as "
        + "far, and every module holds on recorded inputs, so this is rounding that has grown; "
        + "validate(model, oracle:) with the model in float64 measures it")
    accepted.seconds.oracle += clock.seconds
    result = accepted
  }

  /// The verdict with this as our own noise, where that changes it.
  private func believing(_ layer: LayerVerdict, _ noise: Reference.Noise?) -> LayerVerdict {
    guard layer.status == .inherited, let noise, let measured = layer.cumulative,
      measured.figures.nonFinite.mismatched == 0
    else { return layer }
    let judgement = judge.judge(
      measured.figures, recorded: .float32, reference: layer.recordedNoise, own: noise,
      terms: layer.rounding.terms)
    guard judgement.holds else { return layer }
    var accepted = layer
    accepted.cumulative?.judgement = judgement
    accepted.ownNoise = noise
    (accepted.status, accepted.reason) = (.ok, nil)
    return accepted
  }
}
