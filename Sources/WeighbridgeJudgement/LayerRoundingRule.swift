import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeTensors
import WeighbridgeVerdicts

/// Judges anew what the isolated run found of layers whose error is far above a single layer's
/// rounding.
///
/// Recorded noise is that of the whole run up to a layer: deep in a network it has grown, and a
/// layer that is wrong by much more than it rounds by itself could hide in it; and a file decides about
/// it. So where a layer's own error is large for one layer, its own rounding is measured: float32 against
/// float64, both on the recorded results; without a float64 model, what it makes of recorded results
/// that are moved by one unit in their last place.
///
/// Without an isolated run, only what stands beside larger elements is judged so, in the whole run. There,
/// and behind samples, in whose place nothing recorded can be handed on, an error holds PyTorch's rounding
/// of everything up to the layer: where the noise that it recorded is so many times ours, ours counts so
/// many times.
struct LayerRoundingRule {
  private let limits: Limits
  private let evidence: Evidence
  private let terms: Terms

  init(_ judge: Judge, _ evidence: Evidence, _ terms: Terms) {
    (limits, self.evidence, self.terms) = (judge.limits, evidence, terms)
  }

  /// The lines whose own rounding is asked for.
  func doubtful(
    _ result: ParityResult
  ) -> [(verdict: LayerVerdict, isByPlace: Bool)] {
    (result.layers + result.outputs).filter { isDoubtful($0, terms.hasTwin) }.map { verdict in
      let isLarge = isLocallyLarge(verdict, terms.hasTwin) || isLocallyLarge(verdict, false)
      return (verdict, isLarge || terms.measuresAll)
    }
  }

  func apply(_ rounding: LayerRounding, to result: inout ParityResult) {
    if let remark = rounding.remark { result.remarks.append(remark) }
    let layers = result.layers.indices.filter { isDoubtful(result.layers[$0], terms.hasTwin) }
    let outputs = result.outputs.indices.filter { isDoubtful(result.outputs[$0], terms.hasTwin) }
    for index in layers { judge(&result.layers[index], rounding) }
    for index in outputs { judge(&result.outputs[index], rounding) }
    result.settleUnreplaced(layers, outputs, evidence.reference)
  }

  /// Holds a layer's error against its own rounding, as a whole and place by place.
  private func judge(_ layer: inout LayerVerdict, _ rounding: LayerRounding) {
    guard let noise = rounding.noise[layer.line] else { return }
    if layer.isolated != nil, !isSampled(layer), layer.isOfModule {
      layer.judgeIsolated(noise, share: layer.timesOurs(noise, limits), limits)
    }
    let isLarge = isLocallyLarge(layer, rounding.isExact)
    guard layer.own?.holds == true, isLarge || terms.measuresAll,
      let worst = rounding.worst[layer.line]
    else { return }
    let ratio = worst.ratio / layer.timesOurs(noise, limits)
    layer.localRatio = ratio
    guard ratio > limits.localRatio, isLarge else { return }
    layer.fail(
      ratio: ratio, limit: limits.localRatio, .place(worst.place, ratio: ratio))
  }

  /// Whether an error that holds would not, if the layer's own rounding were as small as it usually is.
  private func isDoubtful(_ layer: LayerVerdict, _ hasTwin: Bool) -> Bool {
    guard let own = layer.own, own.holds, own.judgement.basis != .elementwise,
      layer.rounding.dtype == .float32, own.figures.count >= limits.isolatedElements
    else { return false }
    return terms.measuresAll || isLarge(layer) || isLocallyLarge(layer, hasTwin)
  }

  private func isSampled(_ layer: LayerVerdict) -> Bool {
    layer.key.map(evidence.reference.isSampled) ?? false
  }

  /// Whether an error is more than a single layer's usual rounding.
  private func isLarge(_ layer: LayerVerdict) -> Bool {
    guard layer.isOfModule, !isSampled(layer), let figures = layer.isolated?.figures else {
      return false
    }
    let floor = limits.floor * DType.float32.unitRoundoff
    return figures.rms > limits.isolatedRatio * floor * figures.referenceRMS
  }

  /// Whether an error is large beside what it stands next to.
  private func isLocallyLarge(_ layer: LayerVerdict, _ hasTwin: Bool) -> Bool {
    let isOfOneLayer = hasTwin && layer.worksOnRecorded && !isSampled(layer)
    let limit = isOfOneLayer ? limits.localShare : limits.roughLocalShare
    return (layer.own?.figures.localShare ?? 0) > limit
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
      let worksOnOurs = layer.isolated == nil || (layer.key.map(reference.isSampled) ?? false)
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
  var own: Measurement? { isolated ?? cumulative }

  /// How many times our own rounding PyTorch's recorded one is, where both are of more than one layer; at
  /// least 1, and no more of it is believed than rounding can make.
  fileprivate func timesOurs(_ noise: Reference.Noise, _ limits: Limits) -> Double {
    guard !worksOnRecorded, noise.rms > 0, let figures = cumulative?.figures,
      let believed = recordedNoise?.believed(beside: figures, share: rounding.share(limits)).noise
    else { return 1 }
    return max(1, believed.rms / noise.rms)
  }

  /// Holds the isolated error against the layer's own rounding.
  ///
  /// - Parameter share: How many times our rounding counts.
  fileprivate mutating func judgeIsolated(
    _ noise: Reference.Noise, share: Double, _ limits: Limits
  ) {
    guard let measured = isolated else { return }
    let floor = limits.floor * DType.float32.unitRoundoff * measured.figures.referenceRMS
    let error = measured.figures.rms
    let ratio = error == 0 ? 0 : error / (share * noise.rms + floor)
    ownRatio = ratio
    guard ratio > limits.isolatedRatio else { return }
    fail(ratio: ratio, limit: limits.isolatedRatio, .aboveOwnRounding)
  }

  /// Calls it wrong by its own rounding.
  fileprivate mutating func fail(ratio: Double, limit: Double, _ ground: Ground) {
    let judgement = Judgement(
      basis: .ownNoise, ratio: ratio, limit: limit, largestRatio: nil, largestLimit: nil,
      holds: false)
    if isolated != nil {
      isolated?.judgement = judgement
    } else {
      cumulative?.judgement = judgement
    }
    status = isLeaf ? .source : .glue
    grounds = [ground]
  }
}
