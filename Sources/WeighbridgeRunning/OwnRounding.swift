import WeighbridgeModules
import WeighbridgeReferences

/// Our own rounding of the whole run, measured without the model in float64: the largest difference that
/// it makes when every result is moved by one unit in its last place.
///
/// The reference is not asked, so that a wrong model excuses nothing.
package final class OwnRounding {
  /// Runs at most; more are made only while a tensor is beyond what those before have shown.
  package static let runLimit = 8

  private let reference: Reference
  private let model: any Module
  private let inputs: [Tensor]
  private var still: [Line: Tensor] = [:]
  package private(set) var runs = 0
  /// The largest so far.
  package private(set) var noise: [Line: Reference.Noise] = [:]

  package init(_ reference: Reference, _ model: any Module, _ inputs: [Tensor]) {
    (self.reference, self.model, self.inputs) = (reference, model, inputs)
  }

  /// Makes one more run.
  ///
  /// - Returns: Whether there was one left to make.
  /// - Throws: when the model cannot run.
  package func measureMore() throws -> Bool {
    guard runs < Self.runLimit else { return false }
    if runs == 0 { still = try run(nil) }
    runs += 1
    let moved = try run(Shaking(seed: UInt64(runs)))
    for (key, tensor) in still {
      guard let other = moved[key], let found = try OracleProbe.noise(tensor, other) else {
        continue
      }
      let known = noise[key] ?? Reference.Noise(rms: 0, max: 0)
      noise[key] = Reference.Noise(rms: max(known.rms, found.rms), max: max(known.max, found.max))
    }
    return true
  }

  /// What every module and the model itself return, with results moved or not.
  private func run(_ shaking: Shaking?) throws -> [Line: Tensor] {
    let probe = ShakingProbe(shaking)
    let outputs = try reference.running { try ProbeRun.with(probe) { try model.run(inputs) } }
    var found = Dictionary(
      probe.outputs.map { (Line.module($0.key), $0.value) },
      uniquingKeysWith: { first, _ in first })
    for (index, output) in outputs.enumerated() { found[.output(index)] = output }
    return found
  }
}
