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
    guard !doubtful.isEmpty else { return }
    let clock = Stopwatch()
    let wanted = Set(doubtful.map { result.layers[$0].key })
    let rounded = try isolatedOutputs(of: model, as: .float32, wanted, result)
    let exact = try isolatedOutputs(of: oracle(), as: .float64, wanted, result)
    for index in doubtful {
      let key = result.layers[index].key
      guard let got = rounded[key], let twin = exact[key],
        let noise = try OracleProbe.noise(got, twin)
      else { continue }
      result.layers[index].judgeAlone(noise, options.limits)
    }
    result.seconds.oracle += clock.seconds
  }

  private func isolatedOutputs(
    of model: any Module, as dtype: DType, _ wanted: Set<ActivationKey>, _ result: ParityResult
  ) throws -> [ActivationKey: Tensor] {
    let probe = IsolatedOutputsProbe(
      reference, wanted, handsOnOtherShapes: result.handsOnOtherShapes)
    let inputs = try reference.inputs(as: dtype)
    _ = try ProbeRun.with(probe) { try model.run(inputs) }
    return probe.outputs
  }

  /// Whether an error that holds would not, if the layer's own rounding were as small as it usually is.
  private func isDoubtful(_ layer: LayerVerdict) -> Bool {
    guard let isolated = layer.isolated, isolated.holds, isolated.judgement.basis != .elementwise,
      let description = reference.description(of: layer.key), description.dtype == .float32,
      !reference.isSampled(layer.key),
      isolated.figures.count >= options.limits.isolatedElements
    else { return false }
    let floor = options.limits.floor * Limits.unitRoundoff(.float32)
    return isolated.figures.rms
      > options.limits.isolatedRatio * floor * isolated.figures.referenceRMS
  }
}

extension LayerVerdict {
  fileprivate var key: ActivationKey { ActivationKey(path, call: call, item: item) }

  /// Holds the isolated error against the layer's own rounding.
  fileprivate mutating func judgeAlone(_ noise: Reference.Noise, _ limits: Limits) {
    guard var measured = isolated else { return }
    let floor = limits.floor * Limits.unitRoundoff(.float32) * measured.figures.referenceRMS
    let ratio = measured.figures.rms / (noise.rms + floor)
    guard ratio > limits.isolatedRatio else { return }
    measured.judgement = Judgement(
      basis: .ownNoise, ratio: ratio, limit: limits.isolatedRatio, largestRatio: nil,
      largestLimit: nil, holds: false)
    isolated = measured
    status = isLeaf ? .source : .glue
    reason = "within the noise of the whole run, but far above its own rounding"
  }
}
