import Synchronization
import WeighbridgeModules

/// Runs a model on recorded results, as the isolated run does, and looks closer at some layers.
final class InspectingProbe: Probe {
  fileprivate struct State {
    var details: [ActivationKey: LayerDetail] = [:]
    /// Calls that were given something other than an input of the model or a recorded result.
    var computedInputs: Set<ActivationKey> = []
    /// The memory of inputs and recorded results; held, so that none is used for anything else.
    var known: [ObjectIdentifier: TensorStorage] = [:]
  }

  private let reference: Reference
  private let wanted: [ActivationKey: [Int]]
  private let state: Mutex<State>

  /// - Parameter wanted: The layers, each with the index of its worst element.
  init(_ reference: Reference, inputs: [Tensor], _ wanted: [ActivationKey: [Int]]) {
    self.reference = reference
    self.wanted = wanted
    var state = State()
    for input in inputs { state.know(input) }
    self.state = Mutex(state)
  }

  var details: [ActivationKey: LayerDetail] { state.withLock { $0.details } }
  var computedInputs: Set<ActivationKey> { state.withLock { $0.computedInputs } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let isComputed = state.withLock { state in input.tensors.contains { !state.knows($0) } }
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
        try look(key, tensors[index], candidate, worst, isComputed: isComputed)
      }
      tensors[index] = try candidate.converted(to: tensors[index].dtype)
        .contiguous(tensors[index].preferredFormat)
      replaced = true
    }
    guard replaced else { return output }
    state.withLock { state in for tensor in tensors { state.know(tensor) } }
    return try M.Output(tensors: tensors)
  }

  private func look(
    _ key: ActivationKey, _ got: Tensor, _ recorded: Tensor, _ worst: [Int], isComputed: Bool
  ) throws {
    let detail = try ProbeRun.without {
      try LayerDetail(key, got: got, reference: recorded, worst: worst)
    }
    state.withLock { state in
      state.details[key] = detail
      if isComputed { state.computedInputs.insert(key) }
    }
  }
}

extension InspectingProbe.State {
  fileprivate mutating func know(_ tensor: Tensor) {
    guard let storage = tensor.storage else { return }
    known[ObjectIdentifier(storage)] = storage
  }

  /// Whether a tensor is, or is a view of, something known.
  fileprivate func knows(_ tensor: Tensor) -> Bool {
    tensor.storage.map { known[ObjectIdentifier($0)] != nil } ?? true
  }
}

extension Validator {
  /// Looks closer at the first causes of a failure: draws them small, and tells a leaf's own error
  /// from one that may have come in with an input that the modules around it computed.
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
    let probe = InspectingProbe(reference, inputs: inputs, wanted)
    let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
    var details = probe.details
    for (key, worst) in wanted where key.path == "outputs" {
      let index = key.item ?? 0
      guard index < outputs.count else { continue }
      details[key] = try LayerDetail(
        key, got: outputs[index], reference: reference.output(index), worst: worst)
    }
    result.details = order.compactMap { details[$0] }
    let computed = probe.computedInputs
    for index in result.layers.indices where result.layers[index].status == .source {
      let layer = result.layers[index]
      guard computed.contains(ActivationKey(layer.path, call: layer.call, item: layer.item)),
        layer.reason == nil
      else { continue }
      let parent = layer.path.parent ?? .root
      result.layers[index].reason =
        "or what \(parent == .root ? "the model" : parent.name) computes on the way to it"
    }
  }
}
