import Synchronization

/// Lists the modules of a run in the order of their first calls, and what their inputs were made by.
final class SurveyProbe: Probe {
  struct Seen {
    let path: ModulePath
    let kind: String
    var calls = 1
    var hasChildren = false
    var isView = false
    var obstacle: Explanation.Obstacle?
  }

  /// A module's result, for whoever takes it next.
  private struct Made {
    let tensor: Tensor
    let path: ModulePath
    let kind: String
    let takesMore: Bool
    /// The convolution before a norm.
    let before: ModulePath?
  }

  private struct State {
    var modules: [Seen] = []
    var places: [String: Int] = [:]
    var open: [Int] = []
    var made: [Made] = []
  }

  private let state = Mutex(State())
  /// How many results are kept to be found again.
  private let memory = 32

  var modules: [Seen] { state.withLock { $0.modules } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let place = enter(module, input.tensors)
    let output = try forward(input)
    leave(module, place, input.tensors, output.tensors)
    return output
  }

  private func enter(_ module: some Module, _ inputs: [Tensor]) -> Int {
    state.withLock { state in
      if let outer = state.open.last { state.modules[outer].hasChildren = true }
      let key = "\(module.path.name) \(module.kind)"
      let place = state.places[key] ?? state.modules.count
      if place == state.modules.count {
        state.places[key] = place
        var seen = Seen(path: module.path, kind: module.kind)
        seen.obstacle = obstacle(module, source(of: inputs.first, state.made))
        state.modules.append(seen)
      } else {
        state.modules[place].calls += 1
      }
      state.open.append(place)
      return place
    }
  }

  private func leave(
    _ module: some Module, _ place: Int, _ inputs: [Tensor], _ outputs: [Tensor]
  ) {
    state.withLock { state in
      state.open.removeLast()
      guard let output = outputs.first else { return }
      let isView = inputs.contains { $0.sharesElements(with: output) }
      state.modules[place].isView = isView
      guard !isView, source(of: output, state.made) == nil else { return }
      let before = source(of: inputs.first, state.made)
      state.made.append(
        Made(
          tensor: output, path: module.path, kind: module.kind,
          takesMore: module is Conv2d || module is Linear,
          before: module is BatchNorm && before?.takesMore == true ? before?.path : nil))
      if state.made.count > memory { state.made.removeFirst() }
    }
  }

  private func source(of tensor: Tensor?, _ made: [Made]) -> Made? {
    tensor.flatMap { tensor in made.last { $0.tensor.sharesElements(with: tensor) } }
  }

  /// What keeps a norm or an activation from running with what made its input.
  private func obstacle(_ module: some Module, _ source: Made?) -> Explanation.Obstacle? {
    if let norm = module as? BatchNorm, norm.mean == nil { return .batchStatistics }
    let isNorm = module is BatchNorm
    guard isNorm || module is any ActivationModule else { return nil }
    guard let source else { return .followsOperators }
    if source.takesMore && !(isNorm && source.kind == "Linear") {
      return .calledApart(from: source.path)
    }
    if !isNorm, let convolution = source.before { return .calledApart(from: convolution) }
    return .follows(source.path, kind: source.kind)
  }
}

extension Tensor {
  /// Whether both are views of the same elements.
  fileprivate func sharesElements(with other: Tensor) -> Bool {
    storage != nil && storage === other.storage
  }
}
