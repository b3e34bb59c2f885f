@_exported import WeighbridgeEngine
@_exported import WeighbridgeTensors

/// A part of a model: an immutable value, built from a `WeightScope`, that computes an output.
///
/// Authors write `forward`; callers call the module itself, `try layer(x)`, so that a probe sees
/// every call. A module's stored properties are its children and its parameters, and its initialiser
/// asks the scope for parameters by name, role and shape and never computes on them.
public protocol Module<Input, Output>: Sendable {
  associatedtype Input: TensorBundle
  associatedtype Output: TensorBundle

  /// Where the module stands in the model.
  var path: ModulePath { get }
  /// The name of the operation, for reports: PyTorch's class name where there is one.
  var kind: String { get }
  /// What the module computes.
  func forward(_ input: Input) throws -> Output
}

extension Module {
  /// The name of the Swift type, unless a module says otherwise.
  public var kind: String { TypeNames.name(of: Self.self) }

  /// Computes the output; the probe of the current task, if there is one, sees the call.
  @inline(__always)
  public func callAsFunction(_ input: Input) throws -> Output {
    try called(input)
  }

  /// What `callAsFunction` does, for modules that overload it with more arguments: within such a
  /// type `self(input)` means the overload.
  @inline(__always)
  func called(_ input: Input) throws -> Output {
    guard let run = ProbeRun.current else { return try locating { try forward(input) } }
    return try run.intercept(self, input)
  }

  /// Runs a part of this module, so that shapes which do not fit are reported with its path, where
  /// no module within it has named itself.
  @inline(__always)
  package func locating<R>(_ body: () throws -> R) throws -> R {
    do {
      return RunLog.isActive ? try logged(body) : try body()
    } catch {
      throw located(error)
    }
  }

  @inline(never)
  private func logged<R>(_ body: () throws -> R) throws -> R {
    try RunLog.entering(.init(path: path.name, kind: kind), body)
  }

  @inline(never)
  private func located(_ error: any Error) -> any Error {
    guard let error = error as? WeighbridgeError, error.code == .shape || error.code == .engine
    else { return error }
    return error.located(entry: path.name)
  }

  /// Runs the module on tensors in the order of PyTorch's arguments, and gives its outputs in order.
  ///
  /// - Throws: `shape` when the count of inputs does not fit.
  public func run(_ inputs: [Tensor]) throws -> [Tensor] {
    try self(Input(tensors: inputs)).tensors
  }
}

extension Module {
  /// Refuses sizes for which a network does something else than what was recorded and ported.
  ///
  /// - Parameter condition: What must hold, for the message.
  /// - Throws: `shape` where it does not hold.
  public func requirePorted(_ holds: Bool, _ condition: String) throws {
    guard holds else {
      throw WeighbridgeError(
        .shape, "does something else for these sizes: \(condition) does not hold",
        entry: path.name, remedy: "Record the network with inputs of these sizes")
    }
  }
}

extension Module {
  /// Refuses inputs of other sizes than those that a network was recorded with.
  ///
  /// - Parameter extents: Of each axis; `nil` for any.
  /// - Throws: `shape` where one is another.
  public func requirePorted(_ x: Tensor, has extents: [Int?]) throws {
    let fits = x.rank == extents.count && zip(x.shape, extents).allSatisfy { $0 == $1 ?? $0 }
    let wanted = extents.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
    try requirePorted(fits, "an input of [\(wanted)]")
  }
}

/// A module from one tensor to one tensor.
public typealias UnaryModule = Module<Tensor, Tensor>

/// Builds a module in its scope.
public typealias Build = Builder<Tensor, Tensor>

/// Builds a module in its scope, one that is called in a way of its own.
public typealias Builder<Input: TensorBundle, Output: TensorBundle> =
  (WeightScope) throws -> any Module<Input, Output>

/// What a module takes or returns: one tensor, or a struct of several in PyTorch's order.
public protocol TensorBundle: Sendable {
  /// The tensors in order; absent optional ones at the end are left out.
  var tensors: [Tensor] { get }
  /// The bundle of these tensors.
  ///
  /// - Throws: `shape` when there are too few or too many.
  init(tensors: [Tensor]) throws
  /// The same bundle with these tensors in it: what it holds beside tensors stays.
  ///
  /// - Throws: `shape` when there are too few or too many.
  func replacing(_ tensors: [Tensor]) throws -> Self
}

extension TensorBundle {
  public func replacing(_ tensors: [Tensor]) throws -> Self { try Self(tensors: tensors) }
}

extension Tensor: TensorBundle {
  public var tensors: [Tensor] { [self] }

  public init(tensors: [Tensor]) throws {
    guard tensors.count == 1, let only = tensors.first else {
      throw WeighbridgeError(.shape, "expected one tensor, got \(tensors.count)")
    }
    self = only
  }
}
