import Synchronization
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeTensors

/// Runs a model on recorded results and notes, for each layer with parameters, what its recorded
/// input and output tell of them. Layers whose output is recorded are not computed.
///
/// A layer is looked at only where its input is what it was in PyTorch: made from recorded values by
/// modules whose parameters are known.
final class CaptureProbe: Probe {
  fileprivate struct State {
    var problems: [any LayerProblem] = []
    var seen: Set<ModulePath> = []
    /// Layers whose input was not to be had.
    var blocked: Set<ModulePath> = []
    /// How many results came out of unknown parameters so far.
    var doubtful = 0
    /// How many enclosing modules compute with unknown parameters of their own.
    var doubtfulOwners = 0
    var known: [ObjectIdentifier: TensorStorage] = [:]
    /// The modules that were called, in order.
    var called: [ModulePath] = []
  }

  private let reference: Reference
  private let demand: Demand
  /// The names of parameters that are decided.
  private let decided: Set<String>
  private let meter: Meter
  private let state = Mutex(State())

  init(_ reference: Reference, _ demand: Demand, decided: Set<String>, _ meter: Meter) {
    (self.reference, self.meter) = (reference, meter)
    self.demand = demand
    self.decided = decided
  }

  var problems: [any LayerProblem] { state.withLock { $0.problems } }
  var called: [ModulePath] { state.withLock { $0.called } }
  var blocked: Set<ModulePath> { state.withLock { $0.blocked } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    meter.count()
    let wanted = wanted(of: module)
    let isOpen = wanted.contains { !decided.contains($0.name) }
    let isClean = state.withLock { state in
      if module.path == .root { state.know(input.tensors) }
      state.called.append(module.path)
      return (state.doubtful == 0 && state.doubtfulOwners == 0) || state.knows(input.tensors)
    }
    let recorded = try recorded(module.path, call)
    guard let layer = module as? any ParameterizedModule, !wanted.isEmpty,
      demand.count(below: module.path) <= wanted.count
    else {
      return try passedThrough(module, input, recorded, isOpen, forward)
    }
    if isOpen {
      try note(layer, wanted, input, recorded, isClean: isClean)
    }
    if let recorded, recorded.allSatisfy(\.dtype.isFloatingPoint),
      let output = try? M.Output(tensors: recorded)
    {
      state.withLock { $0.know(recorded) }
      return output
    }
    if isOpen || !isClean { state.withLock { $0.doubtful += 1 } }
    return try forward(input)
  }

  /// A module without parameters, or one of several modules: computed, then replaced by what was
  /// recorded.
  private func passedThrough<M: Module>(
    _ module: M, _ input: M.Input, _ recorded: [Tensor]?, _ isOpen: Bool,
    _ forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    if isOpen { state.withLock { $0.doubtfulOwners += 1 } }
    defer { if isOpen { state.withLock { $0.doubtfulOwners -= 1 } } }
    let output = try forward(input)
    let tensors = output.tensors
    guard let recorded, recorded.count == tensors.count,
      zip(recorded, tensors).allSatisfy({ $0.shape == $1.shape && $0.dtype == $1.dtype })
    else {
      if isOpen { state.withLock { $0.doubtful += 1 } }
      return output
    }
    state.withLock { $0.know(recorded) }
    return try output.replacing(recorded)
  }

  /// The parameters that a module computes with itself: its own, and for a layer those of modules in it
  /// that are never called. A module with parameters of its own may have layers beside them, of which those
  /// are not.
  private func wanted(of module: some Module) -> [Wanted] {
    guard let layer = module as? any ParameterizedModule else {
      return demand.byOwner[module.path] ?? []
    }
    return layer.parameters.compactMap { demand.byName[(module.path / $0.name).name] }
  }

  private func recorded(_ path: ModulePath, _ call: Int) throws -> [Tensor]? {
    let tensors =
      path == .root
      ? try (0..<reference.outputCount).map { try reference.output($0) }
      : try reference.tensors(path, call: call)
    guard let tensors, !tensors.isEmpty else { return nil }
    return try tensors.map { tensor in
      try (tensor.dtype.isFloatingPoint ? tensor.converted(to: .float32) : tensor).aligned()
    }
  }

  private func note<P: ParameterizedModule>(
    _ layer: P, _ wanted: [Wanted], _ input: some TensorBundle, _ recorded: [Tensor]?, isClean: Bool
  ) throws {
    let isNew = state.withLock { state in
      guard isClean, recorded != nil else {
        state.blocked.insert(layer.path)
        return false
      }
      return state.seen.insert(layer.path).inserted
    }
    guard isNew, let recorded, let input = input as? P.Input else { return }
    let problem = try LayerReader(layer, wanted).problem(input, recorded)
    state.withLock { state in
      state.blocked.remove(layer.path)
      if let problem { state.problems.append(problem) }
    }
  }
}

extension CaptureProbe.State {
  fileprivate mutating func know(_ tensors: [Tensor]) {
    for storage in tensors.compactMap(\.storage) { known[ObjectIdentifier(storage)] = storage }
  }

  fileprivate func knows(_ tensors: [Tensor]) -> Bool {
    tensors.compactMap(\.storage).allSatisfy { known[ObjectIdentifier($0)] != nil }
  }
}
