import WeighbridgeModules
import WeighbridgeVerdicts

/// Finds layers that hold and yet make an error far larger than their siblings do.
///
/// A layer's gain is the relative error of what it returns over that of what the call before it in the
/// same module returned: about 1 in a chain of layers. Where a norm takes a difference of nearly equal
/// numbers, it is large: nothing is wrong there, but an error from before it shows after it.
package enum Amplification {
  /// Marks amplifiers.
  ///
  /// - Parameter parents: For each layer of the result, the position of the call that it was called in.
  package static func mark(
    _ layers: inout [LayerVerdict], parents: [Int?], _ limits: Limits = Limits()
  ) {
    var last: [Int?: Double] = [:]
    var gains: [Int?: [(index: Int, gain: Double)]] = [:]
    for (index, layer) in layers.enumerated() {
      guard let figures = layer.cumulative?.figures, figures.referenceRMS > 0, figures.rms.isFinite
      else { continue }
      let relative = figures.rms / figures.referenceRMS
      if let before = last[parents[index]], before > 0 {
        gains[parents[index], default: []].append((index, relative / before))
      }
      last[parents[index]] = relative
    }
    for siblings in gains.values where siblings.count >= limits.amplifierSiblings {
      let median = siblings.map(\.gain).sorted()[siblings.count / 2]
      for (index, gain) in siblings
      where layers[index].status == .ok && gain > limits.amplification * max(median, 1)
        && (layers[index].cumulative?.judgement.ratio ?? 0) > limits.amplifiedRatio
      {
        layers[index].status = .amplifier
        layers[index].grounds = [.amplifies(gain, siblings: median)]
      }
    }
  }
}
