import Synchronization
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning

/// Runs a model on recorded results, as the isolated run does, and keeps what is needed to run some
/// of its layers again.
final class DiagnosingProbe: Probe {
  fileprivate struct Frame {
    var explorer: Explorer
    /// Whether the module was given inputs of the model or recorded results alone.
    var hasKnownInput: Bool
    /// Whether it was given them as they are, and no slice or other view of one.
    var hasWholeInput: Bool
  }

  fileprivate struct State {
    var frames: [Frame] = []
    var suspects: [ActivationKey: Suspect] = [:]
    var parameterized: [(path: ModulePath, parameters: [ModuleParameter])] = []
    var properties: [ModuleProperties] = []
    /// The shapes of images seen, [C, H, W] or [H, W, C], the latest last.
    var images: [[Int]] = []
    /// The paths of the modules that were called.
    var called: Set<ModulePath> = []
    /// The memory of inputs and recorded results; held, so that none is used for anything else.
    var known: [ObjectIdentifier: TensorStorage] = [:]
    /// The same tensors, as they were given.
    var whole: Set<TensorView> = []
  }

  private let reference: Reference
  private let wanted: Set<ActivationKey>
  private let handsOnOtherShapes: Bool
  private let state: Mutex<State>

  init(
    _ reference: Reference, inputs: [Tensor], _ wanted: Set<ActivationKey>,
    handsOnOtherShapes: Bool
  ) {
    self.reference = reference
    self.wanted = wanted
    self.handsOnOtherShapes = handsOnOtherShapes
    var state = State()
    for input in inputs { state.see(input) }
    self.state = Mutex(state)
  }

  var suspects: [ActivationKey: Suspect] { state.withLock { $0.suspects } }

  /// Every module with parameters, in the order in which they were called.
  var parameterized: [(path: ModulePath, parameters: [ModuleParameter])] {
    state.withLock { $0.parameterized }
  }

  /// The tensors among the stored properties of every module, in the order in which they were called.
  var properties: [ModuleProperties] { state.withLock { $0.properties } }

  /// The paths of the modules that were called.
  var called: Set<ModulePath> { state.withLock { $0.called } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let explorer = Explorer(
      module, call: call, input: input, callCounts: ProbeRun.current?.callCounts ?? [:],
      reference: reference)
    state.withLock { state in
      state.frames.append(
        Frame(
          explorer: explorer, hasKnownInput: input.tensors.allSatisfy { state.knows($0) },
          hasWholeInput: input.tensors.allSatisfy { state.knowsWhole($0) }))
      state.called.insert(module.path)
      if call == 0, !explorer.parameters.isEmpty {
        state.parameterized.append((module.path, explorer.parameters))
      }
      if call == 0, explorer.parameters.isEmpty, !explorer.properties.isEmpty {
        state.properties.append(
          ModuleProperties(path: module.path, kind: module.kind, tensors: explorer.properties))
      }
    }
    defer { state.withLock { _ = $0.frames.popLast() } }
    let output = try forward(input)
    var tensors = output.tensors
    let recorded =
      module.path == .root
      ? rootOutputs?.map { .whole($0) } : try reference.recorded(module.path, call: call)
    guard let recorded else { return output }
    var replaced = false
    for (index, candidate) in recorded.enumerated() where index < tensors.count {
      let key =
        module.path == .root
        ? ActivationKey.output(index)
        : ActivationKey(module.path, call: call, item: tensors.count > 1 ? index : nil)
      guard candidate.dtype.isFloatingPoint, tensors[index].dtype.isFloatingPoint else { continue }
      let hasOtherShape = candidate.shape != tensors[index].shape
      if wanted.contains(key) {
        note(
          key, module.kind, candidate, input.tensors, hasOtherShape: hasOtherShape,
          isBuiltIn: module.isLayer)
      }
      switch candidate {
      case .whole(let tensor):
        guard
          let handedOn = try Substitution.of(
            tensor, for: tensors[index], handsOnOtherShapes: handsOnOtherShapes)
        else { continue }
        tensors[index] = handedOn
        replaced = true
      case .sampled:
        // It cannot be handed on; ours stands in for it where it is right.
        guard !wanted.contains(key), !hasOtherShape else { continue }
        let ours = tensors[index]
        state.withLock { $0.see(ours) }
      }
    }
    guard replaced else { return output }
    state.withLock { state in
      for tensor in tensors { state.see(tensor) }
    }
    return try output.replacing(tensors)
  }

  private var rootOutputs: [Tensor]? {
    try? (0..<reference.outputCount).map { try reference.output($0) }
  }

  /// Keeps a wrong layer, the innermost open call.
  private func note(
    _ key: ActivationKey, _ kind: String, _ recorded: RecordedActivation, _ inputs: [Tensor],
    hasOtherShape: Bool, isBuiltIn: Bool
  ) {
    state.withLock { state in
      guard let frame = state.frames.last else { return }
      var enclosing = Array(state.frames.dropLast().reversed())
      var around: [Explorer] = []
      if !frame.hasKnownInput {
        while !enclosing.isEmpty {
          let outer = enclosing.removeFirst()
          around.append(outer.explorer)
          if outer.hasKnownInput { break }
        }
      }
      // Who took a slice of something known, or gave it other axes.
      let last = state.frames.dropLast().lastIndex { $0.hasWholeInput }
      let viewing =
        frame.hasKnownInput && !frame.hasWholeInput
        ? state.frames[(last ?? 0)..<(state.frames.count - 1)].reversed().map(\.explorer)
        : []
      let width = inputs.first?.shape.last
      state.suspects[key] = Suspect(
        key: key, kind: kind, recorded: recorded, hasOtherShape: hasOtherShape, inputs: inputs,
        own: frame.explorer,
        around: around, viewing: viewing, beyond: enclosing.map(\.explorer),
        imageShapes: state.images.reversed().filter { $0.reduce(1, *) == width },
        calledBefore: state.called, isBuiltIn: isBuiltIn)
    }
  }
}

extension DiagnosingProbe.State {
  private mutating func know(_ tensor: Tensor) {
    guard let storage = tensor.storage else { return }
    TensorView(tensor).map { _ = whole.insert($0) }
    known[ObjectIdentifier(storage)] = storage
  }

  /// Whether a tensor is, or is a view of, something known.
  fileprivate func knows(_ tensor: Tensor) -> Bool {
    tensor.storage.map { known[ObjectIdentifier($0)] != nil } ?? true
  }

  /// Whether a tensor is something known, all of it.
  fileprivate func knowsWhole(_ tensor: Tensor) -> Bool {
    TensorView(tensor).map(whole.contains) ?? true
  }

  fileprivate mutating func see(_ tensor: Tensor) {
    know(tensor)
    guard tensor.shape.rank == 4 else { return }
    let image = Array(tensor.shape.dropFirst())
    images.removeAll { $0 == image }
    images.append(image)
  }
}

extension Module {
  /// Whether it is a layer of this package, which calls no other module.
  fileprivate var isLayer: Bool {
    self is any ActivationModule || self is Conv2d || self is Linear || self is BatchNorm
      || self is LayerNorm || self is GroupNorm || self is MaxPool2d || self is AvgPool2d
      || self is AdaptiveAvgPool2d || self is Softmax || self is Identity
  }
}
