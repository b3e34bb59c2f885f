import WeighbridgeModules

/// A module that knows how it is easily got wrong: the constants, forms and orders of its computation
/// that other implementations, versions and exports have otherwise.
///
/// When a verdict finds such a module wrong, each alternative is run on the recorded input; the one
/// that gives the recorded output names the cause. Layouts of parameters need not be listed: those
/// follow from their roles (`ParameterizedModule`).
public protocol Diagnosable: Module {
  /// What may have been computed instead.
  ///
  /// - Parameter input: What the module was called with; shapes may decide what is worth trying.
  func alternatives(for input: Input) throws -> [Alternative<Input, Output>]
}

/// Another computation that could stand in a module's place, and what is different about it.
public struct Alternative<Input: TensorBundle, Output: TensorBundle>: Sendable {
  /// What is different, and what puts it right, if this gives the recorded output.
  public let cause: Cause
  /// The shape of what it returns, where that is known beforehand: it need not be computed where
  /// another one was recorded.
  public let shape: Shape?
  /// The computation. Calls of the module's children are seen by probes as usual.
  public let compute: @Sendable (Input) throws -> Output

  /// - Parameters:
  ///   - shape: The shape of what it returns, where that is known beforehand.
  ///   - compute: Called with the recorded input.
  public init(
    _ cause: Cause, shape: Shape? = nil, _ compute: @escaping @Sendable (Input) throws -> Output
  ) {
    self.cause = cause
    self.shape = shape
    self.compute = compute
  }

  /// A module of other constants.
  public init<M: Module>(_ cause: Cause, shape: Shape? = nil, _ module: M)
  where M.Input == Input, M.Output == Output {
    self.init(cause, shape: shape) { try module.forward($0) }
  }
}
