/// Recognises modules whose whole forward is one function of their own parameters: what a layer of this
/// package does, too. The program decides, not the class's name: a subclass that does something more is
/// none.
struct LayerRecognition {
  let node: Network.Node
  let program: Network.Program
  let context: ComputeContext
  /// A module's attribute by its full name.
  let attribute: (String) -> Network.Operand?

  /// The layer, built in the module's scope; `nil` where there is none.
  ///
  /// - Throws: What the scope throws.
  func layer(_ w: WeightScope) throws -> (any UnaryModule)? {
    guard program.inputs.count == 1, program.inputs[0].expected == nil, program.guards.isEmpty
    else { return nil }
    if program.body.isEmpty, program.returns == .value(0), tensorNames.isEmpty {
      return Identity(w, kind: node.kind)
    }
    guard program.body.count == 1, program.returns == .value(1), let call = LayerCall(self),
      call.own.union(call.tolerated) == tensorNames || call.own == tensorNames
    else { return nil }
    do {
      return try call.weighted(w) ?? call.weightless(w)
    } catch let error as WeighbridgeError where error.code == .unsupported {
      // Arguments that no layer has. Nothing has been asked for yet.
      return nil
    }
  }

  /// The names of the module's parameters and buffers.
  private var tensorNames: Set<String> { Set((node.parameters + node.buffers).map(\.name)) }
}

/// The one function that a layer's forward is.
struct LayerCall {
  let node: Network.Node
  let name: String
  /// Its arguments but tensors.
  let arguments: Arguments
  /// The module's tensors that it is given, each under its own name.
  let own: Set<String>
  private let shapes: [String: [Int]]

  /// Tensors that a layer of this package expects and no function reads.
  var tolerated: Set<String> { name == "batch_norm" ? ["num_batches_tracked"] : [] }

  init?(_ recognition: LayerRecognition) {
    let instruction = recognition.program.body[0]
    guard case .function(let name) = instruction.target,
      let function = Vocabulary.function(name), function.run != nil,
      let first = instruction.arguments.first, first.value == .value(0)
    else { return nil }
    var (values, own): ([Value], Set<String>) = ([.none], [])
    for argument in instruction.arguments.dropFirst() {
      if case .tensor(let reference) = argument.value {
        guard !reference.fromRoot, reference.name == argument.name else { return nil }
        own.insert(reference.name)
        values.append(.none)
        continue
      }
      guard let value = recognition.literal(argument.value) else { return nil }
      values.append(value)
    }
    node = recognition.node
    self.name = name
    self.own = own
    arguments = Arguments(function: function, values: values, context: recognition.context)
    let tensors = node.parameters + node.buffers.filter { $0.constant == nil }
    shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    guard own.allSatisfy({ shapes[$0] != nil }) else { return nil }
  }

  func shape(_ name: String) -> [Int]? { own.contains(name) ? shapes[name] : nil }

  var bias: BiasPolicy { own.contains("bias") ? .present : .absent }
}

extension LayerRecognition {
  /// The value of an operand that rests on nothing but attributes.
  func literal(_ operand: Network.Operand) -> Value? {
    switch operand {
    case .attribute(let reference):
      return attribute(reference.absolute(in: node.path)).flatMap(literal)
    case .item(let of, let index):
      guard case .list(let items)? = literal(of), index < items.count else { return nil }
      return items[index]
    case .list(let items):
      let values = items.compactMap(literal)
      return values.count == items.count ? .list(values) : nil
    case .dtype(let name): return (try? context.dtype(named: name)).map { .dtype($0) }
    case .value, .tensor, .constant, .size, .member, .operation, .dictionary: return nil
    default: return try? operand.literal()
    }
  }
}
