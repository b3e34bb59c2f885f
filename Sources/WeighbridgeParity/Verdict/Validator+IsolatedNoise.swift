import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension Validator {
  /// Judges anew what the isolated run found of layers whose error is far above a single layer's
  /// rounding.
  ///
  /// Recorded noise is that of the whole run up to a layer: deep in a network it has grown, and a
  /// layer that is wrong by much more than it rounds by itself could hide in it; and a file decides about
  /// it. So where a layer's own error is large for one layer, its own rounding is measured: float32 against
  /// float64, both on the recorded results; without a float64 model, what it makes of recorded results
  /// that are moved by one unit in their last place.
  ///
  /// Without an isolated run, only what stands beside larger elements is judged so, in the whole run.
  func sharpen(
    _ result: inout ParityResult, _ model: any Module, _ oracle: (() throws -> any Module)?
  ) throws {
    let doubtful = result.layers.indices.filter { isDoubtful(result.layers[$0], oracle != nil) }
    let doubtfulOutputs = result.outputs.indices.filter {
      isDoubtful(result.outputs[$0], oracle != nil)
    }
    guard !doubtful.isEmpty || !doubtfulOutputs.isEmpty else { return }
    let clock = Stopwatch()
    let wanted = Set(doubtful.map { result.layers[$0].key })
    let rounded = try outputs(of: model, as: .float32, wanted, result)
    let twin = try twin(of: model, oracle, wanted, &result)
    let hasTwin = twin.values.contains { $0.dtype == .float64 }
    for index in doubtful { try judge(&result.layers[index], rounded, twin, hasTwin: hasTwin) }
    for index in doubtfulOutputs {
      try judge(&result.outputs[index], rounded, twin, hasTwin: hasTwin)
    }
    result.settleUnreplaced(doubtful, doubtfulOutputs, reference)
    result.seconds.oracle += clock.seconds
  }

  /// The results that the distance of our own is our rounding from.
  private func twin(
    of model: any Module, _ oracle: (() throws -> any Module)?, _ wanted: Set<ActivationKey>,
    _ result: inout ParityResult
  ) throws -> [ActivationKey: Tensor] {
    if let oracle {
      do {
        return try outputs(of: oracle(), as: .float64, wanted, result)
      } catch let error as WeighbridgeError where options.oracle == .auto {
        result.notes.append(
          "the model does not run in float64, its rounding was measured by moving results by their "
            + "last bit: \(error.description)")
      }
    }
    return try outputs(of: model, as: .float32, wanted, result, shaking: Shaking(seed: 0))
  }

  /// Holds a layer's error against its own rounding, as a whole and place by place.
  private func judge(
    _ layer: inout LayerVerdict, _ rounded: [ActivationKey: Tensor],
    _ exact: [ActivationKey: Tensor], hasTwin: Bool
  ) throws {
    guard let got = rounded[layer.key], let twin = exact[layer.key],
      let noise = try OracleProbe.noise(got, twin)
    else { return }
    if layer.isolated != nil, !isSampled(layer), layer.isOfModule {
      layer.judgeAlone(noise, options.limits)
    }
    guard layer.alone?.holds == true, isLocallyLarge(layer, hasTwin) || options.measuresAll,
      let recorded = try recorded(layer),
      let worst = try LocalJudge(limits: options.limits)
        .worst(layer.likeRecorded(got), layer.likeRecorded(twin), recorded)
    else { return }
    layer.localRatio = worst.ratio
    guard worst.ratio > options.limits.localRatio, isLocallyLarge(layer, hasTwin) else { return }
    layer.fail(
      ratio: worst.ratio, limit: options.limits.localRatio,
      "within what its largest elements allow, but " + worst.text)
  }

  private func recorded(_ layer: LayerVerdict) throws -> RecordedActivation? {
    layer.isOfModule
      ? try reference.recorded(layer.key) : .whole(try reference.output(layer.item ?? 0))
  }

  private func outputs(
    of model: any Module, as dtype: DType, _ wanted: Set<ActivationKey>, _ result: ParityResult,
    shaking: Shaking? = nil
  ) throws -> [ActivationKey: Tensor] {
    let probe = IsolatedOutputsProbe(
      reference, wanted, substitutes: options.isolates,
      handsOnOtherShapes: result.handsOnOtherShapes, shaking: shaking)
    var inputs = try reference.inputs(as: dtype)
    if let shaking { inputs = try inputs.map(shaking.shaken) }
    let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
    let named = outputs.enumerated().map { (ActivationKey.output($0.offset), $0.element) }
    return probe.outputs.merging(named) { first, _ in first }
  }

  /// Whether an error that holds would not, if the layer's own rounding were as small as it usually is.
  private func isDoubtful(_ layer: LayerVerdict, _ hasTwin: Bool) -> Bool {
    guard let alone = layer.alone, alone.holds, alone.judgement.basis != .elementwise,
      layer.rounding.dtype == .float32, alone.figures.count >= options.limits.isolatedElements
    else { return false }
    return options.measuresAll || isLarge(layer) || isLocallyLarge(layer, hasTwin)
  }

  private func isSampled(_ layer: LayerVerdict) -> Bool {
    layer.isOfModule && reference.isSampled(layer.key)
  }

  /// Whether an error is more than a single layer's usual rounding.
  private func isLarge(_ layer: LayerVerdict) -> Bool {
    guard layer.isOfModule, !isSampled(layer), let figures = layer.isolated?.figures else {
      return false
    }
    let floor = options.limits.floor * DType.float32.unitRoundoff
    return figures.rms > options.limits.isolatedRatio * floor * figures.referenceRMS
  }

  /// Whether an error is large beside what it stands next to.
  private func isLocallyLarge(_ layer: LayerVerdict, _ hasTwin: Bool) -> Bool {
    let isOfOneLayer = hasTwin && layer.isolated != nil && !isSampled(layer)
    let limit = isOfOneLayer ? options.limits.localShare : options.limits.roughLocalShare
    return (layer.alone?.figures.localShare ?? 0) > limit
  }
}

extension ParityResult {
  /// Calls what fails by its own rounding a consequence where that may be: after an earlier failure in a
  /// whole run, or of samples, in whose place nothing recorded could be handed on.
  fileprivate mutating func settleUnreplaced(
    _ changed: [Int], _ changedOutputs: [Int], _ reference: Reference
  ) {
    var hasFailed = false
    for index in layers.indices {
      let layer = layers[index]
      let worksOnOurs = layer.isolated == nil || reference.isSampled(layer.key)
      if changed.contains(index), layer.status.isCause, hasFailed, worksOnOurs {
        layers[index].status = .inherited
      }
      if layer.status.isFailure, worksOnOurs { hasFailed = true }
    }
    guard hasFailed else { return }
    for index in changedOutputs where outputs[index].status.isCause {
      outputs[index].status = .inherited
    }
  }
}

extension LayerVerdict {
  /// The run in which it answers for itself alone, or else the whole run.
  var alone: Measurement? { isolated ?? cumulative }

  fileprivate var key: ActivationKey {
    isOfModule ? ActivationKey(path, call: call, item: item) : ActivationKey.output(item ?? 0)
  }

  fileprivate func likeRecorded(_ ours: Tensor) throws -> Tensor {
    try reshaping?.likeRecorded(ours) ?? ours
  }

  /// Holds the isolated error against the layer's own rounding.
  fileprivate mutating func judgeAlone(_ noise: Reference.Noise, _ limits: Limits) {
    guard let measured = isolated else { return }
    let floor = limits.floor * DType.float32.unitRoundoff * measured.figures.referenceRMS
    let error = measured.figures.rms
    let ratio = error == 0 ? 0 : error / (noise.rms + floor)
    ownRatio = ratio
    guard ratio > limits.isolatedRatio else { return }
    fail(
      ratio: ratio, limit: limits.isolatedRatio,
      "within the noise of the whole run, but far above its own rounding")
  }

  /// Calls it wrong by its own rounding.
  fileprivate mutating func fail(ratio: Double, limit: Double, _ why: String) {
    let judgement = Judgement(
      basis: .ownNoise, ratio: ratio, limit: limit, largestRatio: nil, largestLimit: nil,
      holds: false)
    if isolated != nil {
      isolated?.judgement = judgement
    } else {
      cumulative?.judgement = judgement
    }
    status = isLeaf ? .source : .glue
    reason = why
  }
}
