import WeighbridgeNetwork

/// PyTorch's recurrent networks as layers of the package, which begin with states of zeros.
enum RecurrentSpelling {
  private static let layers = [
    "torch.nn.modules.rnn.LSTM": (layer: "LSTM", function: "lstm"),
    "torch.nn.modules.rnn.GRU": (layer: "GRU", function: "gru"),
  ]

  /// How the layer is built; `nil` for another module, or one that is given states.
  static func building(_ node: Network.Node, _ program: Network.Program) -> Building? {
    guard let known = layers[node.className], program.className == node.className,
      program.inputs.count == 1, case .function(known.function)? = program.body.last?.target,
      program.body.dropLast().allSatisfy({
        if case .function("zeros") = $0.target { true } else { false }
      })
    else { return nil }
    func value(_ name: String) -> Network.Operand? {
      node.attributes.first { $0.name == name }?.value
    }
    guard case .integer(let inputs)? = value("input_size"),
      case .integer(let hidden)? = value("hidden_size"),
      case .integer(let layers)? = value("num_layers"), (1...1000).contains(layers),
      (value("proj_size") ?? .integer(0)) == .integer(0),
      case .boolean(let bias)? = value("bias"),
      case .boolean(let batchFirst)? = value("batch_first"),
      case .boolean(let isBidirectional)? = value("bidirectional"),
      node.parameters.count == layers * (bias ? 4 : 2) * (isBidirectional ? 2 : 1)
    else { return nil }
    return .module(
      known.layer, throwing: true,
      [
        .init("in", .integer(inputs)), .init("hidden", .integer(hidden)),
        .init("layers", .integer(layers), standard: "1"),
        .init("bias", .flag(bias), standard: "true"),
        .init("batchFirst", .flag(batchFirst), standard: "false"),
        .init("bidirectional", .flag(isBidirectional), standard: "false"),
      ])
  }
}
