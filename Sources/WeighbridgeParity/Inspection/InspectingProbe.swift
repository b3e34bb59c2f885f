import Synchronization
import WeighbridgeModules

/// Runs a model on recorded results, as the isolated run does, and looks closer at some layers.
final class InspectingProbe: Probe {
  private let reference: Reference
  private let wanted: [ActivationKey: [Int]]
  private let state = Mutex([ActivationKey: LayerDetail]())

  /// - Parameter wanted: The layers, each with the index of its worst element.
  init(_ reference: Reference, _ wanted: [ActivationKey: [Int]]) {
    self.reference = reference
    self.wanted = wanted
  }

  var details: [ActivationKey: LayerDetail] { state.withLock { $0 } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    var tensors = output.tensors
    guard let recorded = try reference.tensors(module.path, call: call) else { return output }
    var replaced = false
    for (index, candidate) in recorded.enumerated() where index < tensors.count {
      let key = ActivationKey(module.path, call: call, item: tensors.count > 1 ? index : nil)
      guard candidate.shape == tensors[index].shape, candidate.dtype.isFloatingPoint,
        tensors[index].dtype.isFloatingPoint
      else { continue }
      if let worst = wanted[key] {
        let got = tensors[index]
        let detail = try ProbeRun.without {
          try LayerDetail(key, got: got, reference: candidate, worst: worst)
        }
        state.withLock { $0[key] = detail }
      }
      tensors[index] = try candidate.converted(to: tensors[index].dtype)
        .contiguous(tensors[index].preferredFormat)
      replaced = true
    }
    return replaced ? try M.Output(tensors: tensors) : output
  }
}

extension Validator {
  /// Looks closer at the first causes of a failure: draws them small.
  func inspect(_ result: inout ParityResult, _ model: any Module, limit: Int = 4) throws {
    var wanted: [ActivationKey: [Int]] = [:]
    var order: [ActivationKey] = []
    for cause in result.causes.prefix(limit) {
      guard let worst = (cause.isolated ?? cause.cumulative)?.figures.worst else { continue }
      let key = ActivationKey(cause.path, call: cause.call, item: cause.item)
      wanted[key] = worst.index
      order.append(key)
    }
    guard !wanted.isEmpty else { return }
    let inputs = try reference.inputs()
    let probe = InspectingProbe(reference, wanted)
    let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
    var details = probe.details
    for (key, worst) in wanted where key.path == "outputs" {
      let index = key.item ?? 0
      guard index < outputs.count else { continue }
      details[key] = try LayerDetail(
        key, got: outputs[index], reference: reference.output(index), worst: worst)
    }
    result.details = order.compactMap { details[$0] }
  }
}
