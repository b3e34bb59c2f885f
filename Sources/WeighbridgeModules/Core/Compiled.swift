import Synchronization

/// A module that is run once step by step for each shape of its inputs, and from then on as a graph of
/// operators: norms folded into the convolutions before them, activations, sums and gates joined with
/// what computes their operands, what depends on no input computed once.
///
/// ```swift
/// let net = Compiled(try Weights.load("net.safetensors") { try Net($0) })
/// let logits = try net(images)
/// ```
///
/// The results differ from the module's own by rounding, and are the same each time. What is no tensor is
/// read in the run that is noted, and not again: a property that changes later, a random number. A module whose
/// values decide what runs is not captured, and runs as it is; `obstacle(to:)` says where. So does a
/// probed run, which looks at modules.
public struct Compiled<Base: Module>: Module {
  /// The module itself.
  public let base: Base
  private let graphs = CompiledGraphs()

  /// - Parameter base: The module. Its weights are shared, not copied.
  public init(_ base: Base) { self.base = base }

  public var path: ModulePath { base.path }
  public var kind: String { base.kind }

  public func forward(_ input: Base.Input) throws -> Base.Output {
    guard ProbeRun.current == nil, !Engines.usesPlainKernels, !OperationObservation.isActive,
      !Capture.awaitsOperator, !(input is any NumberedBundle)
    else { return try base.forward(input) }
    let tensors = input.tensors
    let known = graphs.form(for: tensors)
    let (form, first) = try known.map { ($0, nil) } ?? captured(input, tensors)
    switch form {
    case .graph(let graph, let output):
      guard let output = output as? Base.Output else { return try base.forward(input) }
      return try output.replacing(graph.run(tensors))
    case .steps: return try first ?? base.forward(input)
    }
  }

  /// The module whose values decide what runs, so that no graph stands for all inputs of this shape;
  /// `nil` where there is none.
  ///
  /// - Throws: What a run of the module throws.
  public func obstacle(to input: Base.Input) throws -> ModulePath? {
    let known = graphs.form(for: input.tensors)
    let form = try known ?? captured(input, input.tensors).form
    guard case .steps(let path) = form else { return nil }
    return path
  }

  /// Runs the module and makes a graph of the run.
  private func captured(
    _ input: Base.Input, _ tensors: [Tensor]
  ) throws -> (form: CompiledGraphs.Form, output: Base.Output?) {
    // Under identities of their own: a tensor may be given twice, or be one of the weights.
    let aliases = tensors.map(\.alias)
    let capture = Capture(aliases)
    let given = try input.replacing(aliases)
    let output = try RunLog.keeping(RunLog()) {
      try capture.capturing { try base.locating { try base.forward(given) } }
    }
    // The graph's steps have results of fewer and other sizes.
    OneOffMemory.releaseIdle()
    let form: CompiledGraphs.Form
    if let place = capture.obstacle {
      form = .steps(ModulePath(place.path))
    } else {
      let graph = Graph(capture, inputs: aliases, outputs: output.tensors)
      let empty = output.tensors.map { Tensor(describing: $0.dtype, shape: $0.shape) }
      form = .graph(try graph.fused(graphs.norms), try output.replacing(empty))
    }
    graphs.keep(form, for: tensors)
    return (form, output)
  }
}

/// A compiled module of any type.
protocol CompiledModule: Sendable {
  /// The module itself.
  var plain: any Module { get }
  /// `Compiled.obstacle(to:)` for tensors in the order of PyTorch's arguments.
  func obstacle(toTensors inputs: [Tensor]) throws -> ModulePath?
}

extension Compiled: CompiledModule {
  var plain: any Module { base }

  func obstacle(toTensors inputs: [Tensor]) throws -> ModulePath? {
    try obstacle(to: Base.Input(tensors: inputs))
  }
}

extension Module {
  /// The module as a graph of operators for each shape of its inputs, where its type is not known.
  package func compiled() -> any Module { self is any CompiledModule ? self : Compiled(self) }

  /// The module itself, where it is compiled.
  package var uncompiled: any Module { (self as? any CompiledModule)?.plain ?? self }
}

/// The graphs of a module by the layouts of its inputs, shared by copies of it.
private final class CompiledGraphs: Sendable {
  enum Form: Sendable {
    /// The graph, and a bundle of outputs to put its results in.
    case graph(Graph, any TensorBundle)
    /// The module as it is, for what that module does.
    case steps(ModulePath)
  }

  private let forms = Mutex<[[Graph.Layout]: Form]>([:])
  let norms = FoldedNorms()
  /// More shapes than this are not kept at a time: each graph holds what it computed beforehand.
  private static let most = 16

  func form(for inputs: [Tensor]) -> Form? {
    forms.withLock { $0[CompiledGraphs.key(inputs)] }
  }

  func keep(_ form: Form, for inputs: [Tensor]) {
    forms.withLock { forms in
      if forms.count >= CompiledGraphs.most {
        forms.removeAll()
        norms.removeAll()
      }
      forms[CompiledGraphs.key(inputs)] = form
    }
  }

  private static func key(_ inputs: [Tensor]) -> [Graph.Layout] {
    inputs.map(Graph.Layout.init(startingAtZero:))
  }
}
