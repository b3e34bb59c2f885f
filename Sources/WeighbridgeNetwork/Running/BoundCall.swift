/// A call of a module with its weights: what its program does, step by step.
final class BoundCall: Sendable {
  enum Target: Sendable {
    case function(Function)
    case module(BoundCall)
    /// What cannot be run here, where others of its network are to be observed all the same.
    case refused(WeighbridgeError)
  }

  struct Step: Sendable {
    let target: Target
    let operands: [BoundOperand]
    let place: Network.Place?
    /// Values that nothing needs after it.
    let released: [Int]
  }

  struct Condition: Sendable {
    let condition: Network.Guard
    let left: BoundOperand
    let right: BoundOperand
    /// How many values must be there.
    let needs: Int
  }

  let path: ModulePath
  let kind: String
  /// Which call it is: of this node, by this program.
  let site: Network.Call
  let program: Network.Program
  let steps: [Step]
  let returns: BoundOperand
  /// By how many values they need.
  let conditions: [Condition]
  /// The module's own parameters that the program reads.
  let parameters: [ModuleParameter]
  /// The package's own layer that does the same.
  let layer: (any UnaryModule)?
  /// The same for attention, which takes several tensors.
  let attention: AttentionLayer?
  let context: ComputeContext
  let form = ReturnedForm()

  init(
    path: ModulePath, kind: String, site: Network.Call, program: Network.Program, steps: [Step],
    returns: BoundOperand, conditions: [Condition], parameters: [ModuleParameter],
    layer: (any UnaryModule)?, attention: AttentionLayer?, context: ComputeContext
  ) {
    (self.path, self.kind, self.site, self.program) = (path, kind, site, program)
    (self.steps, self.returns, self.conditions) = (steps, returns, conditions)
    (self.parameters, self.context) = (parameters, context)
    (self.layer, self.attention) = (layer, attention)
  }

  /// Calls the module; the probe of the current task, if there is one, sees the call.
  func callAsFunction(_ inputs: [Value]) throws -> Value {
    if let layer, case .tensor(let x)? = inputs.first { return .tensor(try layer(x)) }
    if let attention, let result = try attention(inputs) { return result }
    if let observation = NetworkObservation.current {
      return try observation.observed(site, path.name) { try run(inputs) }
    }
    guard ProbeRun.current != nil else {
      guard RunLog.isActive else { return try run(inputs) }
      return try RunLog.entering(.init(path: path.name, kind: kind)) { try run(inputs) }
    }
    let module = RecordedModule(self, inputs)
    return try module.result(of: module(TensorList(tensors: inputs.flatMap(\.tensors))))
  }

  /// Runs the program.
  ///
  /// - Parameter overrides: Other tensors in place of the module's parameters, by name.
  /// - Throws: `shape` where sizes lead another way than they did when it was recorded, or tensors do not
  ///   fit a function; `unsupported` for what a function cannot do here; each with the line of Python.
  func run(_ inputs: [Value], overrides: [String: Tensor] = [:]) throws -> Value {
    var values = inputs
    values.reserveCapacity(inputs.count + steps.count)
    var checked = 0
    let observation = NetworkObservation.current
    while values.count < inputs.count + steps.count {
      try check(&checked, values, overrides)
      let index = values.count - inputs.count
      values.append(try locating(steps[index]) { try run(steps[index], values, overrides) })
      if observation != nil { continue }
      for released in steps[index].released { values[released] = .none }
    }
    try check(&checked, values, overrides)
    let result = try returns.value(values, overrides)
    observation?.note(site, values, result)
    return result
  }

  private func run(
    _ step: Step, _ values: [Value], _ overrides: [String: Tensor]
  ) throws -> Value {
    let operands = try step.operands.map { try $0.value(values, overrides) }
    switch step.target {
    case .module(let call): return try call(operands)
    case .refused(let error): throw error
    case .function(let function):
      guard let run = function.run else {
        throw WeighbridgeError(.unsupported, "\(function.name) cannot be run here")
      }
      return try run(Arguments(function: function, values: operands, context: context))
    }
  }

  /// Says of an error which line of Python it is about.
  private func locating<R>(_ step: Step, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch var error as WeighbridgeError where error.entry == nil {
      if let place = step.place { error.message += " (\(place))" }
      throw error.located(entry: path.name)
    }
  }

  /// Checks the comparisons whose values are there.
  private func check(
    _ checked: inout Int, _ values: [Value], _ overrides: [String: Tensor]
  ) throws {
    while checked < conditions.count, conditions[checked].needs <= values.count {
      let next = conditions[checked]
      checked += 1
      let left = try next.left.value(values, overrides)
      let right = try next.right.value(values, overrides)
      guard try !next.condition.holds(left, right) else { continue }
      throw WeighbridgeError(
        .shape,
        "\(program.className) does something else for these sizes: \(left.shown) "
          + "\(next.condition.comparison) \(right.shown) was \(next.condition.expected) when it was "
          + "recorded" + (program.place.map { " (\($0))" } ?? ""), entry: path.name,
        remedy: "Record the network with inputs of these sizes")
    }
  }
}
