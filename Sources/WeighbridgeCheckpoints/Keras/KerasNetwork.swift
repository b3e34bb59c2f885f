import WeighbridgeWeights

/// What a configuration of Keras says about a network's layers: their names, classes and order.
package struct KerasNetwork {
  package struct Layer {
    package let name: String
    /// The class in the letters of automatic names: `batch_normalization`.
    package let kind: String
    package let configuration: JSONDocument
    /// The layers whose outputs it takes, by position; of a list of layers, the one before.
    let inputs: [Int]
    /// A model within the model.
    package let inner: KerasNetwork?

    func flag(_ name: String) -> Bool? {
      if case .boolean(let value)? = configuration[name] { value } else { nil }
    }
  }

  package private(set) var layers: [Layer] = []
  /// How many channels its convolutions make.
  private var filters: [Int] = []
  private var positions: [String: Int] = [:]
  /// By what files of weights call them.
  private var stored: [String: Int] = [:]

  private static let deepest = 16

  /// - Returns: `nil` for what is no configuration of a network.
  package init?(json: String) {
    guard let document = try? JSONDocument(parsing: json) else { return nil }
    self.init(document, depth: 0)
  }

  private init?(_ document: JSONDocument, depth: Int) {
    // Keras 1 and 2 wrote a list of layers alone for a `Sequential`.
    let configuration = document["config"]
    guard depth < KerasNetwork.deepest,
      let items = configuration?["layers"]?.arrayValue ?? configuration?.arrayValue
    else { return nil }
    var used: [String: Int] = [:]
    let isSequential = document["class_name"]?.stringValue == "Sequential"
    for item in items {
      guard let type = item["class_name"]?.stringValue, let own = item["config"] else { continue }
      let name = own["name"]?.stringValue ?? item["name"]?.stringValue ?? ""
      let kind = KerasNetwork.snakeCase(type)
      let count = used[kind, default: 0]
      used[kind] = count + 1
      let known = KerasNetwork.names(in: item["inbound_nodes"]).compactMap { positions[$0] }
      positions[name] = layers.count
      stored[count == 0 ? kind : "\(kind)_\(count)"] = layers.count
      layers.append(
        Layer(
          name: name, kind: kind, configuration: own,
          inputs: isSequential && !layers.isEmpty ? [layers.count - 1] : known,
          inner: KerasNetwork(item, depth: depth + 1)))
    }
    filters = KerasNetwork.choices(
      layers.lazy.compactMap { $0.configuration["filters"]?.integerValue })
  }

  /// The names of layers in what a layer's inputs are: in lists that begin with a name and two counts.
  private static func names(in document: JSONDocument?, depth: Int = 0) -> [String] {
    guard let document, depth < 32 else { return [] }
    switch document {
    case .array(let items):
      if items.count >= 3, let name = items[0].stringValue, items[1].integerValue != nil,
        items[2].integerValue != nil
      {
        return [name]
      }
      return items.flatMap { names(in: $0, depth: depth + 1) }
    case .object(let members): return members.flatMap { names(in: $0.value, depth: depth + 1) }
    default: return []
    }
  }

  /// `BatchNormalization` as `batch_normalization`, `Conv2DTranspose` as `conv2d_transpose`: Keras'
  /// own rule for automatic names.
  static func snakeCase(_ type: String) -> String {
    let letters = Array(type.unicodeScalars.filter { $0.properties.isAlphabetic || $0.isDigit })
    var text = ""
    for (index, letter) in letters.enumerated() {
      if index > 0, letter.properties.isUppercase {
        let next = index + 1 < letters.count && letters[index + 1].properties.isLowercase
        if next || letters[index - 1].properties.isLowercase { text += "_" }
      }
      text += letter.properties.lowercaseMapping
    }
    return text
  }

  /// The kind of a layer by an automatic name: without its count.
  static func kind(ofName name: some StringProtocol) -> String {
    guard let mark = name.lastIndex(of: "_"),
      name[name.index(after: mark)...].allSatisfy(\.isNumber)
    else { return String(name) }
    return String(name[..<mark])
  }

  /// The layer that a file of weights calls by its kind, counted: `conv2d_1`.
  func layer(stored name: String) -> Layer? { stored[name].map { layers[$0] } }

  /// The layer of a path of names, and the layers that it is one of.
  func find(_ path: some Collection<String>) -> (layer: Layer, position: Int, among: KerasNetwork)?
  {
    guard let first = path.first, let position = positions[first]
    else { return nil }
    let rest = path.dropFirst()
    if rest.isEmpty { return (layers[position], position, self) }
    return layers[position].inner?.find(rest)
  }
}

extension KerasNetwork {
  /// How a dense layer's inputs are ordered.
  enum Flattening: Equatable {
    /// Nothing flattened an image before it.
    case none
    /// An image of so many channels, channels last.
    case channels(Int)
    /// Perhaps an image, of one of so many channels.
    case unknown([Int])
  }

  private static let transparent: Set<String> = [
    "dropout", "activation", "re_lu", "leaky_re_lu", "elu", "softmax", "gaussian_noise",
    "gaussian_dropout", "alpha_dropout", "identity",
  ]
  private static let keepsChannels: Set<String> = transparent.union([
    "batch_normalization", "layer_normalization", "group_normalization", "p_re_lu", "add",
    "multiply", "average", "maximum", "max_pooling2d", "average_pooling2d", "zero_padding2d",
    "cropping2d", "up_sampling2d", "spatial_dropout2d", "rescaling",
  ])

  /// What flattened the inputs of the layer at a position.
  func flattening(before position: Int) -> Flattening {
    var (current, steps, isNormalised) = (position, 0, false)
    // Inputs come before, so every step goes toward the first layer.
    while let input = layers[current].inputs.first, input < current {
      (current, steps) = (input, steps + 1)
      guard steps < KerasNetwork.longestChain else { return .unknown(filters) }
      let kind = layers[current].kind
      if kind == "flatten" {
        let found = imageChannels(before: current)
        guard isNormalised, case .channels(let channels) = found else { return found }
        return .unknown([channels])
      }
      // A norm has parameters of its own for each value of a flattened image.
      isNormalised = isNormalised || kind.hasSuffix("_normalization")
      guard KerasNetwork.transparent.contains(kind) || kind.hasSuffix("_normalization") else {
        return .none
      }
    }
    return .none
  }

  private static let longestChain = 256

  /// Counts of channels that an image may have, each once: of a network that has endless many, the
  /// largest.
  static func choices(_ counts: some Sequence<Int>) -> [Int] { Set(counts).sorted().suffix(64) }

  private func imageChannels(before flatten: Int) -> Flattening {
    if layers[flatten].configuration["data_format"]?.stringValue == "channels_first" {
      return .none
    }
    var (current, factor, steps) = (flatten, 1, 0)
    while let input = layers[current].inputs.first, input < current {
      (current, steps) = (input, steps + 1)
      guard steps < KerasNetwork.longestChain else { return .unknown(filters) }
      let layer = layers[current]
      if let filters = layer.configuration["filters"]?.integerValue {
        return count(filters, factor)
      }
      if layer.kind == "depthwise_conv2d" {
        factor = min(max(1, layer.configuration["depth_multiplier"]?.integerValue ?? 1), 1 << 20)
      } else if layer.kind == "input_layer" {
        let shape =
          layer.configuration["batch_shape"] ?? layer.configuration["batch_input_shape"]
        guard let extents = shape?.arrayValue, extents.count == 4,
          let channels = extents[3].integerValue
        else { return .none }
        return count(channels, factor)
      } else if layer.kind.hasPrefix("global_") || layer.kind == "dense" {
        return .none
      } else if !KerasNetwork.keepsChannels.contains(layer.kind) {
        return .unknown(filters)
      }
    }
    let shape = layers[current].configuration["batch_input_shape"]?.arrayValue
    guard let channels = shape?.last?.integerValue, shape?.count == 4 else {
      return .unknown(filters)
    }
    return count(channels, factor)
  }

  private func count(_ channels: Int, _ factor: Int) -> Flattening {
    let (product, overflow) = channels.multipliedReportingOverflow(by: factor)
    return overflow || product < 1 ? .unknown(filters) : .channels(product)
  }
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { (0x30...0x39).contains(value) }
}
