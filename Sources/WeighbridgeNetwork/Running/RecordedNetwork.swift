/// A recorded network as a model: every module of it is called as PyTorch called it, under its own path.
/// Layers that this package has run as such, everything else function by function.
///
/// Sizes are computed from the inputs; where the recording's way depends on them, inputs that lead another
/// way are an error.
public struct RecordedNetwork: Module {
  public let path: ModulePath
  /// The root's class.
  public let kind: String
  private let network: Network
  private let root: BoundCall
  /// How many inputs the root's arguments are made of.
  private let inputCount: Int

  /// Builds the model, describing or binding.
  ///
  /// - Throws: `unsupported` for a function that cannot be run here, with the module and the line of
  ///   Python; while binding, what the scope throws.
  public init(_ w: WeightScope, _ network: Network) throws {
    try self.init(w, network, isLenient: false)
  }

  /// - Parameter isLenient: Whether what cannot be run is an error only when it is run.
  package init(_ w: WeightScope, _ network: Network, isLenient: Bool) throws {
    path = w.path
    kind = network.className
    self.network = network
    var builder = NetworkBuilder(network, w, isLenient: isLenient)
    try builder.bindTensors()
    root = try builder.call(network.call)
    inputCount = network.inputCount
    for limit in network.limits.prefix(10) { w.remark("recorded with a limit: \(limit.summary)") }
    for variation in network.variations where variation.result == .differs {
      let places = variation.modules.prefix(3).map { $0.isEmpty ? "the network" : $0 }
      w.remark(
        "the network does something else for other \(variation.kind.plural)"
          + (places.isEmpty ? "" : " (in \(places.joined(separator: ", ")))"))
    }
  }

  /// The tensors that the network returns, in order.
  ///
  /// - Throws: `shape` when there are too few or too many inputs, or the network does something else
  ///   for such sizes.
  public func forward(_ input: TensorList) throws -> TensorList {
    guard input.tensors.count == inputCount else {
      throw WeighbridgeError(
        .shape, "\(kind) takes \(inputCount) inputs, got \(input.tensors.count)")
    }
    try checkSizes(input.tensors)
    let given = try network.arguments.map { try argument($0, input.tensors) }
    return TensorList(tensors: try root.run(given).tensors)
  }

  private func argument(_ operand: Network.Operand, _ inputs: [Tensor]) throws -> Value {
    switch operand {
    case .value(let number): .tensor(inputs[number])
    case .list(let items): .list(try items.map { try argument($0, inputs) })
    case .dictionary(let members):
      .dictionary(try members.map { (key: $0.key, value: try argument($0.value, inputs)) })
    default: try operand.literal()
    }
  }

  /// Refuses inputs of other extents where the network is known to do something else for them.
  private func checkSizes(_ inputs: [Tensor]) throws {
    guard let recorded = network.variations.first(where: { $0.kind == .values })?.shapes,
      recorded.count == inputs.count
    else { return }
    for variation in network.variations where variation.result == .differs {
      for (tensor, shape) in zip(inputs, recorded) where tensor.shape.dimensions != shape {
        let isOther =
          switch variation.kind {
          case .values: false
          case .batch: tensor.shape.first != shape.first
          case .size: !tensor.shape.dropFirst().elementsEqual(shape.dropFirst())
          }
        guard !isOther else {
          throw WeighbridgeError(
            .shape,
            "\(kind) was recorded with \(Shape(shape)) and does something else for other "
              + "\(variation.kind.plural): \(tensor.shape)",
            remedy: "Record it with inputs of this shape")
        }
      }
    }
  }
}

extension Network.Variation.Kind {
  fileprivate var plural: String {
    switch self {
    case .values: "values"
    case .batch: "batches"
    case .size: "sizes"
    }
  }
}

extension Network.Operand {
  /// The value of an operand that stands for itself.
  func literal() throws -> Value {
    switch self {
    case .none: return .none
    case .boolean(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .text(let value): return .text(value)
    case .ellipsis: return .ellipsis
    case .list(let items): return .list(try items.map { try $0.literal() })
    case .function(let name): return .text(name)
    default: throw WeighbridgeError(.unsupported, "an argument that no tensor or number is")
    }
  }
}
