import WeighbridgeNetwork

/// What a module of the network is in Swift.
enum Part {
  /// A layer of the package.
  case layer(any UnaryModule)
  case attention(MultiheadAttention)
  /// A recurrent network that begins with states of zeros.
  case recurrent(Building)
  /// `Sequential` of these children.
  case chain([Int])
  /// Never called itself, as a ModuleList: what is in it belongs to the module that it is in.
  case container
  /// A struct that is written.
  case type(Draft)
  /// Nothing in it is called.
  case unused
  /// Another name of a module.
  case alias(Int)
}

extension Part {
  /// How it is called; `nil` where it is not.
  var interface: Interface? {
    switch self {
    case .layer, .chain: .unary
    case .attention: .attention
    case .recurrent: .recurrent
    case .type(let draft): draft.interface
    case .container, .unused, .alias: nil
    }
  }
}

/// How a module is called.
struct Interface: Hashable, Sendable {
  enum Inputs: Hashable, Sendable {
    /// One tensor.
    case tensor
    /// `TensorList`.
    case list
    /// A bundle of its own, of tensors and numbers.
    case fields([Field])
    /// `MultiheadAttentionInput`.
    case attention
    /// `RecurrentInput`.
    case recurrent
  }

  struct Field: Hashable, Sendable {
    enum Kind: Hashable, Sendable { case tensor, integer, number }

    let name: String
    let kind: Kind
  }

  enum Outputs: Hashable, Sendable {
    case tensor
    /// `TensorList`.
    case list
    /// A bundle of its own, of tensors and numbers.
    case fields([Field])
    /// `RecurrentOutput`.
    case recurrent
  }

  var inputs: Inputs
  var outputs: Outputs

  static let unary = Interface(inputs: .tensor, outputs: .tensor)
  static let attention = Interface(inputs: .attention, outputs: .tensor)
  static let recurrent = Interface(inputs: .recurrent, outputs: .recurrent)
}

/// The forward of one module as it would be written: modules with equal drafts are one struct.
final class Draft {
  let node: Int
  let layout: Layout
  let interface: Interface
  /// The lines of the forward, without indentation.
  var lines: [String]
  /// Attributes that are properties.
  var attributes: [Attribute]
  /// Constants of the recording that are properties, each with its number.
  var constants: [(name: String, number: Int)]
  /// Why the forward is a stub.
  var limit: PortLimit?
  /// The parameter's name of the forward.
  let parameter: String
  let needsFoundation: Bool

  struct Attribute: Hashable {
    let name: String
    let value: Network.Operand
  }

  init(
    node: Int, layout: Layout, interface: Interface, lines: [String], attributes: [Attribute],
    constants: [(name: String, number: Int)], limit: PortLimit?, parameter: String,
    needsFoundation: Bool
  ) {
    (self.node, self.layout, self.interface) = (node, layout, interface)
    (self.lines, self.attributes, self.constants) = (lines, attributes, constants)
    (self.limit, self.parameter, self.needsFoundation) = (limit, parameter, needsFoundation)
  }
}
