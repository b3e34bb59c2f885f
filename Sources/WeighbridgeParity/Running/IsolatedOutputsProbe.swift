import Synchronization
import WeighbridgeModules

/// Runs a model, in whatever dtype, on recorded results, and keeps what some layers return by
/// themselves.
final class IsolatedOutputsProbe: Probe {
  private let reference: Reference
  private let wanted: Set<ActivationKey>
  private let handsOnOtherShapes: Bool
  /// Moves what is handed on.
  private let shaking: Shaking?
  private let kept = Mutex([ActivationKey: Tensor]())

  init(
    _ reference: Reference, _ wanted: Set<ActivationKey>, handsOnOtherShapes: Bool,
    shaking: Shaking? = nil
  ) {
    self.shaking = shaking
    self.handsOnOtherShapes = handsOnOtherShapes
    self.reference = reference
    self.wanted = wanted
  }

  /// What the layers returned.
  var outputs: [ActivationKey: Tensor] { kept.withLock { $0 } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    var tensors = output.tensors
    guard let recorded = try reference.tensors(module.path, call: call) else { return output }
    var replaced = false
    for (index, candidate) in recorded.enumerated() where index < tensors.count {
      let got = tensors[index]
      let key = ActivationKey(module.path, call: call, item: tensors.count > 1 ? index : nil)
      if wanted.contains(key) { kept.withLock { $0[key] = got } }
      guard
        let handedOn = try Substitution.of(
          candidate, for: got, handsOnOtherShapes: handsOnOtherShapes)
      else { continue }
      tensors[index] = try shaking?.shaken(handedOn) ?? handedOn
      replaced = true
    }
    return replaced ? try M.Output(tensors: tensors) : output
  }
}
