import Synchronization
import WeighbridgeTensors

/// What a norm makes of the convolution before it: with s = γ/√(σ² + ε) the weights of each output
/// channel times s, and β + (b − μ)·s for a bias. Computed in float64 and rounded once.
package struct FoldedNorm: Sendable {
  /// s, in float64. The weights are multiplied when the engine packs them.
  package let scale: Tensor
  package let bias: Tensor

  /// - Parameters:
  ///   - convolutionBias: b, [out]; `nil` for none.
  ///   - mean: μ, [out].
  ///   - variance: σ², [out].
  ///   - weight: γ, [out]; `nil` for ones.
  ///   - bias: β, [out]; `nil` for zeros.
  ///   - epsilon: ε.
  package init(
    after convolutionBias: Tensor?, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?,
    epsilon: Double
  ) throws {
    func wide(_ tensor: Tensor) throws -> Tensor { try tensor.converted(to: .float64) }
    let deviation = try wide(variance).affine(shift: epsilon).mapped(.squareRoot)
    scale = try (weight.map(wide) ?? Tensor.ones(deviation.shape, dtype: .float64)) / deviation
    var shift = try wide(mean).mapped(.negate) * scale
    if let bias { shift = try wide(bias) + shift }
    if let convolutionBias { shift = try shift + wide(convolutionBias) * scale }
    self.bias = try shift.converted(to: mean.dtype)
  }
}

/// Convolutions with the norm behind them folded in, each once, for all graphs of a module.
package final class FoldedNorms: Sendable {
  private struct Key: Hashable {
    var cache: ObjectIdentifier
    var mean: ObjectIdentifier?
    var variance: ObjectIdentifier?
    var epsilon: Double
  }

  private struct Folded {
    /// What the key's identities belong to.
    let layer: LayerOperation.Convolution
    let norm: LayerOperation.Norm
    let result: LayerOperation.Convolution
  }

  private let found = Mutex<[Key: Folded]>([:])

  package init() {}

  /// Forgets them; graphs that have some keep them.
  package func removeAll() { found.withLock { $0.removeAll() } }

  func folded(
    _ layer: LayerOperation.Convolution, _ norm: LayerOperation.Norm
  ) throws -> LayerOperation.Convolution {
    let key = Key(
      cache: ObjectIdentifier(layer.cache),
      mean: norm.mean.storage.map(ObjectIdentifier.init),
      variance: norm.variance.storage.map(ObjectIdentifier.init), epsilon: norm.epsilon)
    if var result = found.withLock({ $0[key]?.result }) {
      (result.geometry, result.output) = (layer.geometry, layer.output)
      return result
    }
    let folded = try FoldedNorm(
      after: layer.bias, mean: norm.mean, variance: norm.variance, weight: norm.weight,
      bias: norm.bias, epsilon: norm.epsilon)
    var result = layer
    result.weight = LayerWeight(layer.weight.stored, rowScale: folded.scale)
    (result.bias, result.cache) = (folded.bias, OperatorCache())
    found.withLock { $0[key] = Folded(layer: layer, norm: norm, result: result) }
    return result
  }
}
