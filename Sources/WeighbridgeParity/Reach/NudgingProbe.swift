import Synchronization
import WeighbridgeModules

/// Runs a model with one parameter changed until a compared value is wrong. What was called before the
/// parameter's module is handed on as recorded.
final class NudgingProbe: Probe {
  /// Ends the run: a compared value reacts.
  struct Reacted: Error {}

  private let judge: ReactionJudge
  private let target: ModulePath
  /// The parameters of the target that are changed; empty where the model itself has been.
  private let changed: [String: Tensor]
  private let hasStarted = Mutex(false)

  init(_ judge: ReactionJudge, _ target: ModulePath, changed: [String: Tensor]) {
    (self.judge, self.target, self.changed) = (judge, target, changed)
  }

  /// Whether the verdict on such a model would be a failure.
  static func reacts(
    _ model: any Module, _ inputs: [Tensor], _ judge: ReactionJudge, _ target: ModulePath,
    changed: [String: Tensor] = [:]
  ) throws -> Bool {
    do {
      let outputs = try ProbeRun.with(NudgingProbe(judge, target, changed: changed)) {
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
    let isTarget = module.path == target
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
    guard !changed.isEmpty, let module = module as? any ParameterizedModule else { return nil }
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
