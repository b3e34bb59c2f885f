import WeighbridgeTensors
import WeighbridgeReferences
import WeighbridgeVerdicts

/// Believes the recorded noise as it is where the isolated run has shown every layer to be right.
///
/// A file decides about the recorded noise, so no more than a share of the activation is believed:
/// a large one could excuse any error. But in a very deep network with large values rounding alone
/// may grow beyond that, until a gate that PyTorch's float64 closes is open in its float32. When
/// every layer holds on recorded inputs, and was held against its own rounding where its error was
/// large for one layer, there is nothing left to excuse: an error of the whole run that is within
/// PyTorch's own is rounding that has grown.
struct GrownRounding {
  let judge: Judge
  let reference: Reference

  func accept(_ result: inout ParityResult) {
    guard !result.passes, result.isProven(judge.limits, reference) else { return }
    var accepted = result
    accepted.layers = result.layers.map(believing)
    accepted.outputs = result.outputs.map(believing)
    guard accepted.passes else { return }
    let names = zip(result.layers + result.outputs, accepted.layers + accepted.outputs)
      .filter { $0.0.status != $0.1.status }.map(\.0.name)
    accepted.remarks.append(.grown(names))
    result = accepted
  }

  /// The verdict with the recorded noise as it is, where that changes it.
  private func believing(_ layer: LayerVerdict) -> LayerVerdict {
    guard layer.status == .inherited, let measured = layer.cumulative,
      measured.figures.nonFinite.mismatched == 0
    else { return layer }
    let judgement = judge.judge(
      measured.figures, recorded: .float32, reference: layer.recordedNoise, own: layer.ownNoise,
      believesAll: true)
    guard judgement.holds else { return layer }
    var accepted = layer
    accepted.cumulative?.judgement = judgement
    (accepted.status, accepted.grounds) = (.ok, [])
    return accepted
  }
}

extension ParityResult {
  /// Whether the isolated run compared everything with whole float32 recordings, and all of it holds.
  func isProven(_ limits: Limits, _ reference: Reference) -> Bool {
    let floor = limits.floor * DType.float32.unitRoundoff
    let areWhole =
      reference.keys.allSatisfy { !reference.isSampled($0) }
      && (layers + outputs).allSatisfy {
        $0.status == .missing || $0.rounding.dtype == .float32 && $0.isRepeatable
      }
    /// Whether an error is within a single layer's usual rounding.
    func isSmall(_ isolated: Measurement) -> Bool {
      isolated.figures.rms <= limits.isolatedRatio * floor * isolated.figures.referenceRMS
    }
    return areWhole && uncovered.isEmpty
      && layers.allSatisfy { layer in
        if layer.recordedNoise == nil, layer.status == .missing { return true }
        guard let isolated = layer.isolated, isolated.holds else { return false }
        return isolated.figures.count >= limits.isolatedElements || isSmall(isolated)
      }
      && outputs.allSatisfy { output in
        guard let isolated = output.isolated, isolated.holds else { return false }
        return isSmall(isolated)
      }
  }
}
