/// PyTorch's `nn.MultiheadAttention` as this package's layer, where its weights are not asked for.
///
/// Its forward transposes, projects and masks: a program of many steps, all of which the layer knows. It
/// computes with the parameters of its child `out_proj`, which it never calls.
struct AttentionLayer: Sendable {
  static let className = "torch.nn.modules.activation.MultiheadAttention"
  /// The child whose parameters are the layer's.
  static let child = "out_proj"

  let layer: MultiheadAttention
  /// Where the arguments stand among the program's inputs.
  private let query, key, value: Int
  private let attentionMask, keyPaddingMask: Int?

  /// - Parameters:
  ///   - node: The module.
  ///   - program: What each of its calls runs.
  ///   - w: The module's scope.
  /// - Returns: `nil` for another module, or one whose weights are returned.
  init?(_ node: Network.Node, _ program: Network.Program, _ w: WeightScope) throws {
    guard node.className == AttentionLayer.className, program.className == node.className else {
      return nil
    }
    let places = Dictionary(
      program.inputs.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    func flag(_ name: String) -> Bool? {
      guard let place = places[name] else { return nil }
      if case .boolean(let value)? = program.inputs[place].expected { return value }
      return nil
    }
    func mask(_ name: String) -> Int? {
      places[name].flatMap { program.inputs[$0].expected == nil ? $0 : nil }
    }
    func integer(_ name: String) -> Int? {
      if case .integer(let value)? = node.attributes.first(where: { $0.name == name })?.value {
        return value
      }
      return nil
    }
    func attribute(_ name: String) -> Bool {
      node.attributes.first { $0.name == name }?.value == .boolean(true)
    }
    guard let query = places["query"], let key = places["key"], let value = places["value"],
      flag("need_weights") == false, flag("is_causal") != true,
      let width = integer("embed_dim"), let heads = integer("num_heads"), heads > 0,
      width > 0, width % heads == 0
    else { return nil }
    let names = Set(node.parameters.map(\.name))
    let (keyWidth, valueWidth) = (integer("kdim") ?? width, integer("vdim") ?? width)
    guard names.contains("in_proj_weight") == (keyWidth == width && valueWidth == width) else {
      return nil
    }
    (self.query, self.key, self.value) = (query, key, value)
    (attentionMask, keyPaddingMask) = (mask("attn_mask"), mask("key_padding_mask"))
    layer = try MultiheadAttention(
      w, width: width, heads: heads, keyWidth: keyWidth, valueWidth: valueWidth,
      bias: names.contains("in_proj_bias"), batchFirst: attribute("batch_first"),
      addsKeyValueBias: names.contains("bias_k"),
      addsZeroAttention: attribute("add_zero_attn"))
  }

  /// The output and None, as PyTorch returns them; `nil` for inputs that the layer does not take.
  func callAsFunction(_ inputs: [Value]) throws -> Value? {
    func tensor(_ place: Int?) -> Tensor? {
      if let place, case .tensor(let tensor) = inputs[place] { tensor } else { nil }
    }
    guard let query = tensor(query), let key = tensor(key), let value = tensor(value),
      query.rank == 3
    else { return nil }
    let output = try layer(
      MultiheadAttentionInput(
        query: query, key: key, value: value, attentionMask: tensor(attentionMask),
        keyPaddingMask: tensor(keyPaddingMask)))
    return .list([.tensor(output), .none])
  }
}
