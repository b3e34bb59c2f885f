import Synchronization

/// What a call returned when it last ran, its tensors without their elements.
final class ReturnedForm: Sendable {
  private let kept = Mutex<Value?>(nil)

  var value: Value? { kept.withLock { $0 } }

  func note(_ value: Value) {
    let form = try? value.replacing(
      value.tensors.map { Tensor(describing: $0.dtype, shape: $0.shape) })
    kept.withLock { $0 = form }
  }
}

/// One call of a module of a recorded network, as probes see it.
struct RecordedModule: ParameterizedModule {
  let path: ModulePath
  let kind: String
  let parameters: [ModuleParameter]
  private let call: BoundCall
  /// The arguments, whose tensors may be replaced.
  private let inputs: [Value]
  private let returned = Returned()
  private var overrides: [String: Tensor] = [:]

  /// What the program returned, containers and all: a bundle holds but its tensors.
  private final class Returned: Sendable {
    let value = Mutex<Value?>(nil)
  }

  init(_ call: BoundCall, _ inputs: [Value]) {
    (self.call, self.inputs) = (call, inputs)
    (path, kind, parameters) = (call.path, call.kind, call.parameters)
  }

  func forward(_ input: TensorList) throws -> TensorList {
    let all = try Value.list(inputs).replacing(input.tensors)
    guard case .list(let values) = all else { return input }
    let result = try call.run(values, overrides: overrides)
    returned.value.withLock { $0 = result }
    call.form.note(result)
    return TensorList(tensors: result.tensors)
  }

  /// The returned value with these tensors in it.
  func result(of output: TensorList) throws -> Value {
    // A probe that knows what comes out need not run the module.
    if let value = returned.value.withLock({ $0 }) ?? call.form.value {
      return try value.replacing(output.tensors)
    }
    guard let result = try? call.returns.form?.replacing(output.tensors) else {
      throw WeighbridgeError(
        .shape, "returns what only a run tells, and was not run", entry: path.name)
    }
    return result
  }

  func replacing(_ tensors: [String: Tensor]) -> RecordedModule {
    var copy = self
    copy.overrides = overrides.merging(tensors) { $1 }
    return copy
  }
}
