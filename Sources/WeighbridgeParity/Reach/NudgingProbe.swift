import Synchronization
import WeighbridgeModules

/// Runs a model with parameters changed until a compared value is wrong. What was called before the first
/// of their modules is handed on as recorded.
final class NudgingProbe: Probe {
  /// Ends the run: a compared value reacts.
  struct Reacted: Error {}

  private let judge: ReactionJudge
  private let targets: Set<ModulePath>
  /// The parameters of a target that are changed, made where it is called: at no time a second model is
  /// held. Empty where the model itself has been.
  private let changes: @Sendable (ModulePath) throws -> [String: Tensor]
  private let hasStarted = Mutex(false)

  init(
    _ judge: ReactionJudge, _ targets: Set<ModulePath>,
    _ changes: @escaping @Sendable (ModulePath) throws -> [String: Tensor]
  ) {
    (self.judge, self.targets, self.changes) = (judge, targets, changes)
  }

  /// Whether the verdict on such a model would be a failure.
  static func reacts(
    _ model: any Module, _ inputs: [Tensor], _ judge: ReactionJudge, _ targets: Set<ModulePath>,
    _ changes: @escaping @Sendable (ModulePath) throws -> [String: Tensor] = { _ in [:] }
  ) throws -> Bool {
    do {
      let outputs = try ProbeRun.with(NudgingProbe(judge, targets, changes)) {
        try model.run(inputs)
      }
      return try judge.fails(outputs: outputs)
    } catch is Reacted {
      return true
    }
  }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let isTarget = targets.contains(module.path)
    let hasStarted = hasStarted.withLock { started in
      if isTarget { started = true }
      return started
    }
    guard hasStarted else {
      if let recorded = try judge.standIn(module.path, call),
        let output: M.Output = try Substitution.standIn(recorded)
      {
        return output
      }
      return try forward(input)
    }
    let output = try isTarget ? replaced(module, input) ?? forward(input) : forward(input)
    if try judge.fails(output.tensors, module.path, call) { throw Reacted() }
    return output
  }

  private func replaced<M: Module>(_ module: M, _ input: M.Input) throws -> M.Output? {
    guard let module = module as? any ParameterizedModule else { return nil }
    let changed = try changes(module.path)
    guard !changed.isEmpty else { return nil }
    return try NudgingProbe.forward(module.replacing(changed), input) as? M.Output
  }

  /// What a module returns for an input of its own type.
  static func forward<P: ParameterizedModule>(
    _ module: P, _ input: any TensorBundle
  ) throws -> any TensorBundle {
    guard let input = input as? P.Input else {
      throw WeighbridgeError(.shape, "a copy of a module takes something else")
    }
    return try module.forward(input)
  }
}
