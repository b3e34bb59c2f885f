@_exported import WeighbridgeModules

/// A recorded network: its modules, and what each forward does, in terms of calls to children and of
/// PyTorch's functions. What a reference holds under `network`; `tools/recorder/NETWORK.md` is its format.
///
/// A value of this type was checked whole: every name in it is of something that is there, every call
/// has the arguments that it takes, and no call leads back to itself.
public struct Network: Sendable {
  /// What recorded it: `torch 2.x`.
  public let framework: String?
  /// What could not be expressed; empty when everything was.
  public let limits: [Limit]
  /// What the root was given, one for each input of its program. A value in it is an input's number.
  package let arguments: [Operand]
  /// The modules, each after the one that it is in.
  package let nodes: [Node]
  /// What forwards do.
  package let programs: [Program]
  /// The call of the root, and in it all others.
  package let call: Call
  /// How the network was followed again.
  package let variations: [Variation]
  /// The values of `constants/0`, `constants/1` …
  package let constants: [Tensor]
  /// The nodes that other paths are names of.
  let originals: [String: Int]

  init(
    framework: String?, limits: [Limit], arguments: [Operand], nodes: [Node],
    programs: [Program], call: Call, variations: [Variation], constants: [Tensor]
  ) {
    (self.framework, self.limits, self.arguments) = (framework, limits, arguments)
    (self.nodes, self.programs, self.call) = (nodes, programs, call)
    (self.variations, self.constants) = (variations, constants)
    originals = Dictionary(
      nodes.compactMap { node in node.original.map { (node.path, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// The root's class, without its package.
  public var className: String { nodes[0].kind }

  /// How many inputs the root's arguments are made of.
  package var inputCount: Int { arguments.flatMap(\.values).reduce(0) { max($0, $1 + 1) } }
}

extension Network {
  /// Something that the recording could not express.
  public struct Limit: Sendable, Hashable {
    /// What happened: `control-flow`, `random`, `function` …
    public let kind: String
    /// The path of the module that it happened in.
    public let module: String
    public let text: String
    /// Where it stands in the Python, where that is known.
    public let place: Place?

    /// `branch: Python reads a tensor's values: __bool__ (small_networks.py:217)`.
    public var summary: String {
      let owner = module.isEmpty ? "the network" : module
      return "\(owner): \(text)" + (place.map { " (\($0))" } ?? "")
    }
  }

  /// A line of Python.
  public struct Place: Sendable, Hashable, CustomStringConvertible {
    public let file: String
    public let line: Int?

    public var description: String { line.map { "\(file):\($0)" } ?? file }
  }

  /// Another run of the network, and whether it did the same.
  package struct Variation: Sendable, Hashable {
    package enum Kind: String, Sendable { case values, batch, size }
    package enum Result: String, Sendable { case same, differs, refused }

    package let kind: Kind
    /// The shapes of its inputs.
    package let shapes: [[Int]]
    package let result: Result
    /// Where it did something else.
    package let modules: [String]
    /// Why the network refused it.
    package let text: String?
  }
}
