import WeighbridgeModules

extension Validator {
  /// Judges anew what the isolated run found of layers whose error is far above a single layer's
  /// rounding.
  ///
  /// Recorded noise is that of the whole run up to a layer: deep in a network it has grown, and a
  /// layer that is wrong by much more than it rounds by itself could hide in it. So where a layer's
  /// own error is large for one layer, its own rounding is measured: float32 against float64, both on
  /// the recorded results.
  func sharpen(
    _ result: inout ParityResult, _ model: any Module, _ oracle: () throws -> any Module
  ) throws {
    let doubtful = result.layers.indices.filter { isDoubtful(result.layers[$0]) }
    let doubtfulOutputs = result.outputs.indices.filter { isDoubtful(result.outputs[$0]) }
    guard !doubtful.isEmpty || !doubtfulOutputs.isEmpty else { return }
    let clock = Stopwatch()
    let wanted = Set(doubtful.map { result.layers[$0].key })
    let rounded = try isolatedOutputs(of: model, as: .float32, wanted, result)
    let exact = try isolatedOutputs(of: oracle(), as: .float64, wanted, result)
    for index in doubtful { try judge(&result.layers[index], rounded, exact) }
    for index in doubtfulOutputs { try judge(&result.outputs[index], rounded, exact) }
    result.seconds.oracle += clock.seconds
  }

  /// Holds a layer's isolated error against its own rounding, as a whole and place by place.
  private func judge(
    _ layer: inout LayerVerdict, _ rounded: [ActivationKey: Tensor],
    _ exact: [ActivationKey: Tensor]
  ) throws {
    guard let got = rounded[layer.key], let twin = exact[layer.key],
      let noise = try OracleProbe.noise(got, twin)
    else { return }
    if isLarge(layer) { layer.judgeAlone(noise, options.limits) }
    guard layer.isolated?.holds == true, isLocallyLarge(layer), let recorded = try recorded(layer),
      let worst = try LocalJudge(limits: options.limits)
        .worst(layer.likeRecorded(got), layer.likeRecorded(twin), recorded)
    else { return }
    layer.fail(
      ratio: worst.ratio, options.limits,
      "within what its largest elements allow, but " + worst.text)
  }

  private func recorded(_ layer: LayerVerdict) throws -> Tensor? {
    layer.isOfModule ? try reference.tensor(layer.key) : try reference.output(layer.item ?? 0)
  }

  /// The same without a float64 model: a layer's own rounding is what it makes of recorded results
  /// that are moved by one unit in their last place.
  func sharpenByShaking(_ result: inout ParityResult, _ model: any Module) throws {
    let doubtful = result.layers.indices.filter { isDoubtful(result.layers[$0]) }
    let doubtfulOutputs = result.outputs.indices.filter { isDoubtful(result.outputs[$0]) }
    guard !doubtful.isEmpty || !doubtfulOutputs.isEmpty else { return }
    let wanted = Set(doubtful.map { result.layers[$0].key })
    let still = try isolatedOutputs(of: model, as: .float32, wanted, result)
    let moved = try isolatedOutputs(
      of: model, as: .float32, wanted, result, shaking: Shaking(seed: 0))
    for index in doubtful { try judge(&result.layers[index], still, moved) }
    for index in doubtfulOutputs { try judge(&result.outputs[index], still, moved) }
  }

  private func isolatedOutputs(
    of model: any Module, as dtype: DType, _ wanted: Set<ActivationKey>, _ result: ParityResult,
    shaking: Shaking? = nil
  ) throws -> [ActivationKey: Tensor] {
    let probe = IsolatedOutputsProbe(
      reference, wanted, handsOnOtherShapes: result.handsOnOtherShapes, shaking: shaking)
    var inputs = try reference.inputs(as: dtype)
    if let shaking { inputs = try inputs.map(shaking.shaken) }
    let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
    let named = outputs.enumerated().map { (Validator.outputKey($0.offset), $0.element) }
    return probe.outputs.merging(named) { first, _ in first }
  }

  /// Whether an error that holds would not, if the layer's own rounding were as small as it usually is.
  private func isDoubtful(_ layer: LayerVerdict) -> Bool {
    guard let isolated = layer.isolated, isolated.holds, isolated.judgement.basis != .elementwise,
      isWholeFloat(layer), isolated.figures.count >= options.limits.isolatedElements
    else { return false }
    return isLarge(layer) || isLocallyLarge(layer)
  }

  private func isWholeFloat(_ layer: LayerVerdict) -> Bool {
    guard layer.isOfModule else {
      return (try? reference.output(layer.item ?? 0))?.dtype == .float32
    }
    return reference.description(of: layer.key)?.dtype == .float32
      && !reference.isSampled(layer.key)
  }

  /// Whether an error is more than a single layer's usual rounding.
  private func isLarge(_ layer: LayerVerdict) -> Bool {
    guard layer.isOfModule, let figures = layer.isolated?.figures else { return false }
    let floor = options.limits.floor * Limits.unitRoundoff(.float32)
    return figures.rms > options.limits.isolatedRatio * floor * figures.referenceRMS
  }

  /// Whether an error is large beside what it stands next to.
  private func isLocallyLarge(_ layer: LayerVerdict) -> Bool {
    (layer.isolated?.figures.localShare ?? 0) > options.limits.localShare
  }
}

extension LayerVerdict {
  fileprivate var key: ActivationKey {
    isOfModule ? ActivationKey(path, call: call, item: item) : Validator.outputKey(item ?? 0)
  }

  fileprivate func likeRecorded(_ ours: Tensor) throws -> Tensor {
    try reshaping?.likeRecorded(ours) ?? ours
  }

  /// Holds the isolated error against the layer's own rounding.
  fileprivate mutating func judgeAlone(_ noise: Reference.Noise, _ limits: Limits) {
    guard let measured = isolated else { return }
    let floor = limits.floor * Limits.unitRoundoff(.float32) * measured.figures.referenceRMS
    let ratio = measured.figures.rms / (noise.rms + floor)
    guard ratio > limits.isolatedRatio else { return }
    fail(
      ratio: ratio, limits, "within the noise of the whole run, but far above its own rounding")
  }

  /// Calls it wrong by its own rounding.
  fileprivate mutating func fail(ratio: Double, _ limits: Limits, _ why: String) {
    isolated?.judgement = Judgement(
      basis: .ownNoise, ratio: ratio, limit: limits.isolatedRatio, largestRatio: nil,
      largestLimit: nil, holds: false)
    status = isLeaf ? .source : .glue
    reason = why
  }
}
