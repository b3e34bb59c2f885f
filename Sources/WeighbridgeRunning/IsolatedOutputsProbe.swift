import Synchronization
import WeighbridgeModules
import WeighbridgeReferences

/// Runs a model, in whatever dtype, on recorded results where there are any, and keeps what some layers
/// return by themselves.
package final class IsolatedOutputsProbe: Probe {
  private let reference: Reference
  private let wanted: Set<ActivationKey>
  private let substitutes: Bool
  private let handsOnOtherShapes: Bool
  /// Moves what is handed on.
  private let shaking: Shaking?
  private let kept = Mutex([ActivationKey: Tensor]())

  package init(
    _ reference: Reference, _ wanted: Set<ActivationKey>, substitutes: Bool = true,
    handsOnOtherShapes: Bool, shaking: Shaking? = nil
  ) {
    self.substitutes = substitutes
    self.shaking = shaking
    self.handsOnOtherShapes = handsOnOtherShapes
    self.reference = reference
    self.wanted = wanted
  }

  /// What the layers returned.
  package var outputs: [ActivationKey: Tensor] { kept.withLock { $0 } }

  package func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    var tensors = output.tensors
    let recorded = try reference.tensors(module.path, call: call) ?? []
    var replaced = false
    for (index, got) in tensors.enumerated() {
      let key = ActivationKey(module.path, call: call, item: tensors.count > 1 ? index : nil)
      if wanted.contains(key) { kept.withLock { $0[key] = got } }
      var handedOn: Tensor?
      if substitutes, index < recorded.count {
        handedOn = try Substitution.of(
          recorded[index], for: got, handsOnOtherShapes: handsOnOtherShapes)
      }
      // What is not replaced is moved where it was made.
      guard let given = handedOn ?? (isMade(got, input.tensors) ? got : nil) else { continue }
      guard handedOn != nil || shaking != nil else { continue }
      tensors[index] = try shaking?.shaken(given) ?? given
      replaced = true
    }
    return replaced ? try output.replacing(tensors) : output
  }

  /// Whether a result is not one of the inputs handed on.
  private func isMade(_ output: Tensor, _ inputs: [Tensor]) -> Bool {
    inputs.allSatisfy { $0.storage !== output.storage }
  }
}
