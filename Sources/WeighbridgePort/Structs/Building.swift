import WeighbridgeNetwork

/// How a module is built in its scope, as a tree: what differs between instances of one class becomes an
/// argument of its initialiser.
indirect enum Building: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case integer, number, integers, pair, padding, flag, bias, other
    /// A closure that builds a module.
    case build
    /// The same, or nothing.
    case optional
    /// Closures in a list.
    case builds

    /// What a parameter of the kind is declared as.
    ///
    /// - Parameter build: The type of the closures that build such a module.
    func type(build: String) -> String {
      switch self {
      case .integer: "Int"
      case .number: "Double"
      case .integers: "[Int]"
      case .pair: "Pair<Int>"
      case .padding: "Padding"
      case .flag: "Bool"
      case .bias: "BiasPolicy"
      case .other: "Any"
      case .build: "@escaping \(build)"
      case .optional: "\(build)?"
      case .builds: "[\(build)]"
      }
    }
  }

  struct Part: Hashable, Sendable {
    let label: String?
    let value: Building
    /// What the initialiser takes where nothing is said.
    var standard: String?

    init(_ label: String?, _ value: Building, standard: String? = nil) {
      (self.label, self.value, self.standard) = (label, value, standard)
    }
  }

  /// A value, as its literal.
  case leaf(String, Kind)
  /// A parameter of the initialiser in which this stands.
  case parameter(String, Kind)
  /// A layer or struct in the scope: `Conv2d(scope, in: 3, …)`.
  case module(String, throwing: Bool, [Part])
  /// `Sequential` of these.
  case chain([Building])
  /// `Sequential` of these, each under a name of its own.
  case named([Part])
  /// Modules in an array.
  case list([Building])
  /// The same module a number of times.
  case repeated(Building, Building)
  /// A number that grows from one module of a list to the next: the first, and by how much.
  case growing(Building, Building)
  /// A shape's extents.
  case shape([Building])
  /// A module that is there already: of this node.
  case node(Int)

  static func integer(_ value: Int) -> Building { .leaf(Code.integer(value).text, .integer) }

  static func number(_ value: Double) -> Building { .leaf(Code.number(value).text, .number) }

  static func pair(_ value: Pair<Int>) -> Building {
    .leaf(
      value.height == value.width ? "\(value.height)" : "Pair(\(value.height), \(value.width))",
      .pair)
  }

  static func padding(_ value: Padding) -> Building {
    let text: String
    if value.top == value.bottom, value.left == value.right {
      text = value.top == value.left ? "\(value.top)" : "Padding(\(value.top), \(value.left))"
    } else {
      text =
        "Padding(top: \(value.top), bottom: \(value.bottom), left: \(value.left), "
        + "right: \(value.right))"
    }
    return .leaf(text, .padding)
  }

  static func flag(_ value: Bool) -> Building { .leaf(value ? "true" : "false", .flag) }

  static func bias(_ value: Tensor?) -> Building {
    .leaf(value == nil ? ".absent" : ".present", .bias)
  }

  /// The name of a class.
  static func kind(_ value: String) -> Building { .leaf(Names.kind(value).text, .other) }

  /// No module.
  static let absent = Building.leaf("nil", .optional)

  /// What kind of parameter stands for it.
  var kind: Kind {
    switch self {
    case .leaf(_, let kind), .parameter(_, let kind): kind
    case .module, .chain, .named, .node: .build
    case .repeated, .list: .builds
    case .growing: .integer
    case .shape: .other
    }
  }

  /// The text of a leaf that is a whole number.
  var plainInteger: String? {
    guard case .leaf(let text, let kind) = self, Int(text) != nil,
      [.integer, .pair, .padding].contains(kind)
    else { return nil }
    return text
  }
}

/// Layers of the package as the calls that make them.
enum LayerSpelling {
  static func building(of layer: any UnaryModule) throws -> Building {
    if let found = weighted(layer) ?? weightless(layer) { return found }
    throw PortLimit("is a layer that this package cannot write")
  }

  /// The public property of a layer that holds a parameter.
  static func property(_ name: String, of layer: any UnaryModule) -> String? {
    switch (name, layer) {
    case ("weight", is Conv2d), ("weight", is Linear), ("weight", is Conv1d),
      ("weight", is ConvTranspose2d), ("weight", is Embedding), ("weight", is LayerNorm),
      ("weight", is BatchNorm), ("weight", is GroupNorm), ("weight", is PReLU):
      "weight"
    case ("bias", is LayerNorm), ("bias", is BatchNorm), ("bias", is GroupNorm): "bias"
    default: nil
    }
  }

  private static func weighted(_ layer: any UnaryModule) -> Building? {
    switch layer {
    case let x as Conv2d: return convolution(x)
    case let x as ConvTranspose2d: return transposed(x)
    case let x as Conv1d:
      let (weight, groups) = (x.weight.shape, x.geometry.groups)
      return .module(
        "Conv1d", throwing: true,
        [
          .init("in", .integer(weight[1] * groups)), .init("out", .integer(weight[0])),
          .init("kernel", .integer(weight[2])),
          .init("stride", .integer(x.geometry.stride.width), standard: "1"),
          .init("padding", .integer(x.geometry.padding.left), standard: "0"),
          .init("dilation", .integer(x.geometry.dilation.width), standard: "1"),
          .init("groups", .integer(groups), standard: "1"),
          .init("bias", .bias(x.bias), standard: ".present"),
        ])
    case let x as Linear:
      return .module(
        "Linear", throwing: true,
        [
          .init("in", .integer(x.weight.shape[1])), .init("out", .integer(x.weight.shape[0])),
          .init("bias", .bias(x.bias), standard: ".present"),
        ])
    case let x as Embedding:
      return .module(
        "Embedding", throwing: true,
        [
          .init("count", .integer(x.weight.shape[0])),
          .init("features", .integer(x.weight.shape[1])),
        ])
    case let x as PReLU:
      return .module(
        "PReLU", throwing: true,
        [.init("channels", .integer(x.weight.shape[0]), standard: "1")])
    default: return norm(layer)
    }
  }

  private static func norm(_ layer: any UnaryModule) -> Building? {
    switch layer {
    case let x as BatchNorm:
      return .module(
        "BatchNorm", throwing: true,
        [
          .init("channels", .integer(x.weight.shape[0])),
          .init("epsilon", .number(x.epsilon), standard: "1e-05"),
          .init("kind", .kind(x.kind), standard: "\"BatchNorm2d\""),
        ])
    case let x as LayerNorm:
      return .module(
        "LayerNorm", throwing: true,
        [
          .init("features", .integer(x.weight.shape[0])),
          .init("epsilon", .number(x.epsilon), standard: "1e-05"),
        ])
    case let x as GroupNorm:
      return .module(
        "GroupNorm", throwing: true,
        [
          .init("groups", .integer(x.groups)), .init("channels", .integer(x.weight.shape[0])),
          .init("epsilon", .number(x.epsilon), standard: "1e-05"),
        ])
    case let x as RMSNorm:
      guard let weight = x.weight else { return nil }
      return .module(
        "RMSNorm", throwing: true,
        [.init("features", .integer(weight.shape[0]))]
          + (x.epsilon.map { [.init("epsilon", .number($0))] } ?? []))
    default: return nil
    }
  }

  private static func convolution(_ x: Conv2d) -> Building {
    let (weight, groups) = (x.weight.shape, x.geometry.groups)
    return .module(
      "Conv2d", throwing: true,
      [
        .init("in", .integer(weight[1] * groups)), .init("out", .integer(weight[0])),
        .init("kernel", .pair(Pair(weight[2], weight[3]))),
        .init("stride", .pair(x.geometry.stride), standard: "1"),
        .init("padding", .padding(x.geometry.padding), standard: "0"),
        .init("dilation", .pair(x.geometry.dilation), standard: "1"),
        .init("groups", .integer(groups), standard: "1"),
        .init("bias", .bias(x.bias), standard: ".present"),
      ])
  }

  private static func transposed(_ x: ConvTranspose2d) -> Building {
    let (weight, groups) = (x.weight.shape, x.geometry.groups)
    return .module(
      "ConvTranspose2d", throwing: true,
      [
        .init("in", .integer(weight[0])), .init("out", .integer(weight[1] * groups)),
        .init("kernel", .pair(Pair(weight[2], weight[3]))),
        .init("stride", .pair(x.geometry.stride), standard: "1"),
        .init("padding", .pair(x.geometry.padding), standard: "0"),
        .init("outputPadding", .pair(x.geometry.outputPadding), standard: "0"),
        .init("dilation", .pair(x.geometry.dilation), standard: "1"),
        .init("groups", .integer(groups), standard: "1"),
        .init("bias", .bias(x.bias), standard: ".present"),
      ])
  }

  private static func weightless(_ layer: any UnaryModule) -> Building? {
    func made(_ name: String, _ parts: [Building.Part] = []) -> Building {
      .module(name, throwing: false, parts)
    }
    switch layer {
    case let x as Identity:
      return made("Identity", [.init("kind", .kind(x.kind), standard: "\"Identity\"")])
    case let x as Dropout:
      return made("Dropout", [.init("kind", .kind(x.kind), standard: "\"Dropout\"")])
    case let x as Softmax: return made("Softmax", [.init("axis", .integer(x.axis))])
    case let x as MaxPool2d:
      return made(
        "MaxPool2d",
        pool(x.geometry) + [
          .init("dilation", .pair(x.geometry.dilation), standard: "1"),
          .init("ceilMode", .flag(x.geometry.ceilMode), standard: "false"),
        ])
    case let x as AvgPool2d:
      var counts = true
      if case .average(let includes) = x.geometry.kind { counts = includes }
      return made(
        "AvgPool2d",
        pool(x.geometry) + [
          .init("ceilMode", .flag(x.geometry.ceilMode), standard: "false"),
          .init("countIncludePad", .flag(counts), standard: "true"),
        ])
    case let x as AdaptiveAvgPool2d:
      return made("AdaptiveAvgPool2d", [.init("outputSize", .pair(x.outputSize))])
    case let x as Flatten:
      return made(
        "Flatten",
        [
          .init("from", .integer(x.first), standard: "1"),
          .init("through", .integer(x.last), standard: "-1"),
        ])
    case let x as PixelShuffle: return made("PixelShuffle", [.init("factor", .integer(x.factor))])
    case let x as Upsample: return made("Upsample", upsample(x))
    default: return activation(layer)
    }
  }

  private static func pool(_ geometry: PoolingGeometry) -> [Building.Part] {
    [
      .init("kernel", .pair(geometry.kernel)), .init("stride", .pair(geometry.stride)),
      .init("padding", .padding(geometry.padding), standard: "0"),
    ]
  }

  private static func upsample(_ x: Upsample) -> [Building.Part] {
    let target: String
    switch x.target {
    case .size(let size): target = ".size(\(size))"
    case .factors(let factors, let recomputing):
      let list = factors.map { Code.number($0).text }.joined(separator: ", ")
      target = ".factors([\(list)]\(recomputing ? ", recomputing: true" : ""))"
    }
    let mode = Code.call(
      "Interpolation",
      Spellings.arguments([
        (nil, Code(".\(x.interpolation.mode)"), nil),
        ("alignCorners", .flag(x.interpolation.alignCorners), "false"),
        ("antialias", .flag(x.interpolation.antialias), "false"),
      ]))
    return [.init("to", .leaf(target, .other)), .init(nil, .leaf(mode.text, .other))]
  }

  private static func activation(_ layer: any UnaryModule) -> Building? {
    func made(_ name: String, _ parts: [Building.Part] = []) -> Building {
      .module(name, throwing: false, parts)
    }
    switch layer {
    case is ReLU: return made("ReLU")
    case is ReLU6: return made("ReLU6")
    case is SiLU: return made("SiLU")
    case is Sigmoid: return made("Sigmoid")
    case is Tanh: return made("Tanh")
    case is Hardswish: return made("Hardswish")
    case is Hardsigmoid: return made("Hardsigmoid")
    case is Softplus: return made("Softplus")
    case let x as GELU:
      return made("GELU", [.init("tanh", .flag(x.activation == .geluTanh), standard: "false")])
    case let x as LeakyReLU:
      guard case .leakyReLU(let slope) = x.activation else { return nil }
      return made("LeakyReLU", [.init("slope", .number(slope), standard: "0.01")])
    case let x as ELU:
      guard case .elu(let alpha) = x.activation else { return nil }
      return made("ELU", [.init("alpha", .number(alpha), standard: "1")])
    case let x as ActivationLayer:
      let written: String
      switch x.activation {
      case .leakyReLU(let slope): written = ".leakyReLU(slope: \(Code.number(slope).text))"
      case .elu(let alpha): written = ".elu(alpha: \(Code.number(alpha).text))"
      default: written = ".\(x.activation)"
      }
      return made(
        "ActivationLayer", [.init(nil, .leaf(written, .other)), .init("kind", .kind(x.kind))])
    default: return nil
    }
  }

  static func attention(_ x: MultiheadAttention, _ node: Network.Node) -> Building {
    let shapes = Dictionary(
      node.parameters.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    func width(_ name: String) -> [Building.Part] {
      guard let shape = shapes["\(name)_proj_weight"], shape.count == 2, shape[1] != x.width else {
        return []
      }
      return [.init(name == "k" ? "keyWidth" : "valueWidth", .integer(shape[1]))]
    }
    let addsZero = node.attributes.contains {
      $0.name == "add_zero_attn" && $0.value == .boolean(true)
    }
    return .module(
      "MultiheadAttention", throwing: true,
      [.init("width", .integer(x.width)), .init("heads", .integer(x.heads))] + width("k")
        + width("v")
        + [
          .init("bias", .flag(shapes["in_proj_bias"] != nil), standard: "true"),
          .init("batchFirst", .flag(x.batchFirst), standard: "false"),
          .init("addsKeyValueBias", .flag(shapes["bias_k"] != nil), standard: "false"),
          .init("addsZeroAttention", .flag(addsZero), standard: "false"),
        ])
  }
}
