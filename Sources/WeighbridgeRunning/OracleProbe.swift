import Synchronization
import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences

/// What a float32 run returned, kept until a float64 run has been held against it.
package final class KeptOutputs: Sendable {
  private let tensors = Mutex([ActivationKey: Tensor]())

  package init() {}

  package func keep(_ key: ActivationKey, _ tensor: Tensor) {
    tensors.withLock { $0[key] = tensor }
  }

  /// Hands a tensor out and forgets it, so that its memory is free as soon as possible.
  package func take(_ key: ActivationKey) -> Tensor? {
    tensors.withLock { $0.removeValue(forKey: key) }
  }
}

/// Measures our own noise: a float64 run of the same model against what float32 gave.
///
/// The float64 results themselves set no tolerance against the reference: a wrong model would then
/// excuse itself. Only the distance between our two runs counts.
package final class OracleProbe: Probe {
  private let kept: KeptOutputs
  private let noises = Mutex([ActivationKey: Reference.Noise]())
  private let onCall: (@Sendable (Int) -> Void)?
  private let count = Mutex(0)

  package init(_ kept: KeptOutputs, onCall: (@Sendable (Int) -> Void)?) {
    self.kept = kept
    self.onCall = onCall
  }

  package var noise: [ActivationKey: Reference.Noise] { noises.withLock { $0 } }

  package func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    let tensors = output.tensors
    for (item, exact) in tensors.enumerated() {
      let key = ActivationKey(module.path, call: call, item: tensors.count > 1 ? item : nil)
      guard let rounded = kept.take(key), let noise = try OracleProbe.noise(rounded, exact) else {
        continue
      }
      noises.withLock { $0[key] = noise }
    }
    onCall?(
      count.withLock { count in
        count += 1; return count
      })
    return output
  }

  /// The distance of a float32 result from the float64 one; `nil` when it is no finite number. Where
  /// float32 overflowed, or has NaN, there is no rounding to measure.
  package static func noise(_ rounded: Tensor, _ exact: Tensor) throws -> Reference.Noise? {
    guard rounded.shape == exact.shape, rounded.dtype.isFloatingPoint else { return nil }
    var figures = try Comparison.figures(rounded, exact)
    if !figures.rms.isFinite, figures.nonFinite.gotInfinite + figures.nonFinite.gotNaN > 0 {
      let numbers = try rounded.elements(as: Double.self)
      let same = try zip(numbers, exact.elements(as: Double.self)).map { $0.isFinite ? $1 : $0 }
      figures = try Comparison.figures(rounded, Tensor(same, shape: rounded.shape))
    }
    guard figures.rms.isFinite else { return nil }
    return Reference.Noise(rms: figures.rms, max: figures.maxAbs)
  }
}
