import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences

/// A wrong layer as a run met it: all that is needed to run it again with something changed.
struct Suspect: Sendable {
  let key: ActivationKey
  let kind: String
  /// What the layer should have returned.
  let recorded: RecordedActivation
  /// Whether what it returns has another shape than that.
  let hasOtherShape: Bool
  let inputs: [Tensor]
  /// Its own computation's alternatives, and its parameters'.
  let own: Explorer
  /// The modules around it, innermost first, as far as they may have computed its input: the last one
  /// itself had recorded inputs. Empty when the layer's input was recorded.
  let around: [Explorer]
  /// Where the layer's input is a view of something recorded: the modules around it that may have taken
  /// that view, innermost first.
  let viewing: [Explorer]
  /// The modules around those, innermost first.
  let beyond: [Explorer]
  /// [C, H, W] or [H, W, C] of image-like tensors with as many values a sample as the layer's input
  /// has, the latest first.
  let imageShapes: [[Int]]
  /// The paths that had been called before it.
  let calledBefore: Set<ModulePath>
  /// Whether it is the glue between modules that it calls, or a computation of its own.
  var joins: Bool { !isBuiltIn }
  /// Whether it is one of this package's layers, which have forms of their own.
  let isBuiltIn: Bool
  /// What a change must beat, where the layer as it is would pass for explained.
  var bar: Bar?
  /// Whether what it returns is of another size than what was recorded.
  var hasOwnScale = false
  /// Its noise ratio as it is; `nil` where it has another shape.
  var ratioBefore: Double?

  /// The modules around it, innermost first.
  var enclosing: [Explorer] { around + beyond }

  /// Who made the layer's input: to blame for it where the layer has nothing of its own to be wrong.
  var author: Explorer {
    if let last = around.last { return last }
    return own.hasOwnForms ? own : beyond.first ?? own
  }

  /// An error that is within the limit that changes are held against.
  struct Bar: Sendable {
    var rms: Double
    /// The ratio that it was judged by.
    var ratio: Double
    /// What a change may leave of it.
    var share: Double
  }
}

/// Runs one module call again.
struct Explorer: Sendable {
  let path: ModulePath
  let call: Int
  let kind: String
  let parameters: [ModuleParameter]
  /// What each alternative of the module makes of a layer within it, or of the module itself.
  let alternatives: @Sendable (_ target: ActivationKey) throws -> [Attempt]
  /// What the module returns as it is.
  let unchanged: @Sendable (_ target: ActivationKey) throws -> Tensor?
  /// What a module of one input returns for another one.
  let onInput: @Sendable (_ input: Tensor, _ target: ActivationKey) throws -> Tensor?
  /// What the module returns with other parameters.
  let replacing: @Sendable (_ tensors: [String: Tensor], _ target: ActivationKey) throws -> Tensor?
  /// What the module returns while its own operations, not those of the modules that it calls, are
  /// observed.
  let observed:
    @Sendable (_ observer: any OperationObserver, _ target: ActivationKey) throws -> Tensor?
  /// What it was called with.
  let inputs: [Tensor]
  /// The tensors among its stored properties, by their names: what its forward may compute with.
  let properties: [(name: String, tensor: Tensor)]
  /// Whether the module has parameters, constants or forms: something that may be wrong by itself.
  let hasOwnForms: Bool
  /// Whether the layer is the module's own result, not that of a module that it calls.
  let returns: @Sendable (_ target: ActivationKey) -> Bool
}

/// A cause, and what the layer returns when it is put right.
struct Attempt: Sendable {
  let cause: Cause
  /// The shape that the module would return, where that is known.
  let shape: Shape?
  /// `nil` when the layer could not be computed that way.
  let compute: @Sendable () throws -> Tensor?
}

extension Explorer {
  /// - Parameter callCounts: How often each path had been called when this call began.
  init<M: Module>(
    _ module: M, call: Int, input: M.Input, callCounts: [ModulePath: Int], reference: Reference
  ) {
    self.path = module.path
    self.call = call
    kind = module.kind
    parameters = (module as? any ParameterizedModule)?.parameters ?? []
    let path = module.path
    /// Whether a result of this very call is wanted; the model's own are called outputs.
    @Sendable func isOwn(_ target: ActivationKey) -> Bool {
      target.path == path && target.call == call
        || path == .root && target.isOutput
    }
    @Sendable func run(
      _ target: ActivationKey, _ compute: (M.Input) throws -> M.Output
    ) throws -> Tensor? {
      let probe = ReplayingProbe(reference, target)
      do {
        let output = try ProbeRun.with(probe, countingFrom: callCounts) { try compute(input) }
        guard isOwn(target) else { return nil }
        let tensors = output.tensors
        let item = target.item ?? 0
        return item < tensors.count ? tensors[item] : nil
      } catch is ReplayingProbe.Reached {
        return probe.got
      }
    }
    alternatives = { target in
      guard let diagnosable = module as? any Diagnosable else { return [] }
      return try Explorer.alternatives(of: diagnosable, input).map { cause, shape, compute in
        Attempt(cause: cause, shape: isOwn(target) ? shape : nil) {
          try run(target) { input in
            guard let output = try compute(input) as? M.Output else {
              throw WeighbridgeError(.shape, "an alternative returns something else")
            }
            return output
          }
        }
      }
    }
    unchanged = { target in try run(target) { try module.forward($0) } }
    observed = { observer, target in
      try run(target) { input in
        try OperationObservation.with(observer) { try module.forward(input) }
      }
    }
    inputs = input.tensors
    properties = Mirror(reflecting: module).children.compactMap { label, value in
      guard let label, let tensor = value as? Tensor, tensor.dtype.isFloatingPoint else {
        return nil
      }
      return (label, tensor)
    }
    hasOwnForms = !(module is any ActivationModule || module is Identity)
    returns = isOwn
    onInput = { tensor, target in
      guard let input = tensor as? M.Input else { return nil }
      return try run(target) { _ in try module.forward(input) }
    }
    replacing = { tensors, target in
      guard let module = module as? any ParameterizedModule else { return nil }
      return try run(target) { input in
        guard let output = try Explorer.forward(module.replacing(tensors), input) as? M.Output
        else { throw WeighbridgeError(.shape, "a copy of a module returns something else") }
        return output
      }
    }
  }

  private static func alternatives<D: Diagnosable>(
    of module: D, _ input: any TensorBundle
  ) throws -> [(Cause, Shape?, @Sendable (any TensorBundle) throws -> any TensorBundle)] {
    guard let input = input as? D.Input else { return [] }
    return try module.alternatives(for: input).map { alternative in
      (
        alternative.cause, alternative.shape,
        { input in
          guard let input = input as? D.Input else {
            throw WeighbridgeError(.shape, "an alternative takes something else")
          }
          return try alternative.compute(input)
        }
      )
    }
  }

  private static func forward<P: ParameterizedModule>(
    _ module: P, _ input: any TensorBundle
  ) throws -> any TensorBundle {
    guard let input = input as? P.Input else {
      throw WeighbridgeError(.shape, "a copy of a module takes something else")
    }
    return try module.forward(input)
  }
}
