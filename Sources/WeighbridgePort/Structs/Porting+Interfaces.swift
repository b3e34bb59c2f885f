/// A bundle of tensors and numbers that forwards take or return.
struct Bundle {
  let name: String
  let fields: [Interface.Field]
  let isInput: Bool
  /// The structs whose forwards take or return it, inner ones first.
  let users: [Family]

  /// Whether several structs use it: then it stands beside them, else within the only one.
  var isShared: Bool { users.count > 1 }

  /// The bundles of these structs, each named after the outermost one that uses it.
  static func all(_ families: [Family], _ names: inout Names) -> [Bundle] {
    var order: [Key] = []
    var users: [Key: [Family]] = [:]
    for family in families {
      for key in Key.of(family.first.interface) {
        if users[key] == nil { order.append(key) }
        users[key, default: []].append(family)
      }
    }
    return order.map { key in
      let users = users[key] ?? []
      let word = key.isInput ? "Input" : "Output"
      let name = users.count > 1 ? names.unique((users.last?.name ?? "") + word) : word
      return Bundle(name: name, fields: key.fields, isInput: key.isInput, users: users)
    }
  }

  private struct Key: Hashable {
    let fields: [Interface.Field]
    let isInput: Bool

    static func of(_ interface: Interface) -> [Key] {
      var keys: [Key] = []
      if case .fields(let fields) = interface.inputs {
        keys.append(Key(fields: fields, isInput: true))
      }
      if case .fields(let fields) = interface.outputs {
        keys.append(Key(fields: fields, isInput: false))
      }
      return keys
    }
  }
}

/// Types of what modules are called with, and of modules that are known by how they are called alone.
extension Porting {
  func bundle(_ fields: [Interface.Field], isInput: Bool) -> Bundle? {
    bundles.first { $0.isInput == isInput && $0.fields == fields }
  }

  func type(_ inputs: Interface.Inputs) -> String {
    switch inputs {
    case .tensor: "Tensor"
    case .list: "TensorList"
    case .fields(let fields): bundle(fields, isInput: true)?.name ?? "Input"
    case .attention: "MultiheadAttentionInput"
    case .recurrent: "RecurrentInput"
    }
  }

  func type(_ outputs: Interface.Outputs) -> String {
    switch outputs {
    case .tensor: "Tensor"
    case .list: "TensorList"
    case .fields(let fields): bundle(fields, isInput: false)?.name ?? "Output"
    case .recurrent: "RecurrentOutput"
    }
  }

  /// Any module that is called so.
  func existential(_ interface: Interface) -> String {
    interface == .unary ? "any UnaryModule" : "any Module<\(arguments(interface))>"
  }

  /// The closures that build one.
  func build(_ interface: Interface) -> String {
    interface == .unary ? "Build" : "Builder<\(arguments(interface))>"
  }

  private func arguments(_ interface: Interface) -> String {
    func outside(_ fields: [Interface.Field], isInput: Bool) -> String? {
      guard let bundle = bundle(fields, isInput: isInput), !bundle.isShared else { return nil }
      return bundle.users.first.map { "\($0.name).\(bundle.name)" }
    }
    var (input, output) = (type(interface.inputs), type(interface.outputs))
    if case .fields(let fields) = interface.inputs {
      input = outside(fields, isInput: true) ?? input
    }
    if case .fields(let fields) = interface.outputs {
      output = outside(fields, isInput: false) ?? output
    }
    return "\(input), \(output)"
  }

  /// How a module that is built so is called.
  func interface(of building: Building) -> Interface {
    switch building {
    case .module("MultiheadAttention", _, _): .attention
    case .module("LSTM", _, _), .module("GRU", _, _): .recurrent
    case .module(let name, _, _):
      families.first { $0.name == name }?.first.interface ?? .unary
    case .list(let items): items.first.map(interface) ?? .unary
    case .repeated(let element, _): interface(of: element)
    default: .unary
    }
  }

  /// `stride: Int = 1`.
  func declaration(_ parameter: Family.Parameter) -> String {
    let module = parameter.values.first { $0 != .absent } ?? .absent
    let type = parameter.kind.type(build: build(interface(of: module)))
    return "\(parameter.name): \(type)" + (parameter.standard.map { " = \($0)" } ?? "")
  }
}
