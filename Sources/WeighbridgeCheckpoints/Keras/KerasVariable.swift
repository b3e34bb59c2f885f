import WeighbridgeTensors

/// A variable of a layer.
struct KerasVariable {
  /// The names of the layer and the models around it.
  var layer: [String]
  var name: String
  var shape: Shape
  /// The layer's class in the letters of automatic names, where it is known.
  var kind: String?
  /// Whether a norm scales and centres, where the configuration says so.
  var norm: Norm?

  struct Norm {
    let scale: Bool
    let center: Bool
  }

  var path: String { (layer + [name]).joined(separator: ".") }

  init(layer: [String], name: String, shape: Shape, kind: String? = nil) {
    (self.layer, self.name, self.shape, self.kind) = (layer, name, shape, kind)
  }

  /// A path that is used as it is.
  init(path: String, shape: Shape) {
    var parts = path.split(separator: "/").map(String.init)
    let name = parts.popLast() ?? path
    self.init(layer: parts, name: name, shape: shape)
  }

  /// Gives numbered variables the names that their layer's class gives them, in the order in which it
  /// makes them. What their number and shapes do not tell stays numbered.
  static func number(_ variables: inout [KerasVariable]) {
    var groups: [[String]: [Int]] = [:]
    for (index, variable) in variables.enumerated() where Int(variable.name) != nil {
      groups[variable.layer, default: []].append(index)
    }
    for members in groups.values {
      let order = members.sorted { (Int(variables[$0].name) ?? 0) < (Int(variables[$1].name) ?? 0) }
      guard let first = order.first,
        let names = names(
          of: variables[first].kind ?? "", order.map { variables[$0].shape }, variables[first].norm)
      else { continue }
      for (index, name) in zip(order, names) { variables[index].name = name }
    }
  }

  /// The names of a layer's variables.
  static func names(
    of kind: String, _ shapes: [Shape], _ flags: Norm?
  ) -> [String]? {
    let count = shapes.count
    func first(_ names: String...) -> [String]? {
      count <= names.count ? Array(names.prefix(count)) : nil
    }
    switch kind {
    case "separable_conv1d", "separable_conv2d":
      return count > 1 ? first("depthwise_kernel", "pointwise_kernel", "bias") : nil
    case "embedding": return first("embeddings")
    case "p_re_lu": return first("alpha")
    case "batch_normalization", "layer_normalization", "group_normalization":
      let moving = kind == "batch_normalization" ? ["moving_mean", "moving_variance"] : []
      var names = flags.map { ($0.scale ? ["gamma"] : []) + ($0.center ? ["beta"] : []) } ?? []
      if flags == nil, count == moving.count + 2 { names = ["gamma", "beta"] }
      return count == names.count + moving.count ? names + moving : nil
    case _
    where kind.hasPrefix("conv") || kind.hasPrefix("depthwise_conv") || kind == "dense"
      || kind == "einsum_dense":
      return first("kernel", "bias")
    default:
      // A class that is not known: a kernel, perhaps with a bias of its last extent.
      guard let kernel = shapes.first, kernel.rank > 1, count <= 2 else { return nil }
      guard count == 1 || shapes[1].rank == 1 && shapes[1][0] == kernel[kernel.rank - 1] else {
        return nil
      }
      return first("kernel", "bias")
    }
  }
}

/// How the layers of a `.weights.h5` file are called.
struct KerasLayerNames {
  /// The names and classes of the layers by path in the file.
  private let names: [String: String]
  private let network: KerasNetwork?
  /// Lists of layers, by path: how many there are of one class.
  private var lists: Set<String> = []

  init(_ groups: [String: String], _ network: KerasNetwork?) {
    var (names, children): ([String: String], [String: Set<String>]) = ([:], [:])
    for (path, name) in groups {
      let layer = path == "vars" ? "" : String(path.dropLast("/vars".count))
      names[layer] = name
      guard let mark = layer.lastIndex(of: "/") else { continue }
      children[String(layer[..<mark]), default: []].insert(
        String(layer[layer.index(after: mark)...]))
    }
    self.names = names
    self.network = network
    for (parent, members) in children where names[parent] == nil && !parent.hasSuffix("layers") {
      let kinds = Set(members.map { KerasNetwork.kind(ofName: $0) })
      guard let kind = kinds.first, kinds.count == 1, members.contains(kind) else { continue }
      let counted = Set((0..<members.count).map { $0 == 0 ? kind : "\(kind)_\($0)" })
      if counted == members { lists.insert(parent) }
    }
  }

  /// A variable of the layer at a path.
  func variable(_ path: String, _ variable: String, _ shape: Shape) -> KerasVariable {
    let parts = path.split(separator: "/").map(String.init)
    var (layer, prefix, kind) = ([String](), "", String?.none)
    var norm: KerasVariable.Norm?
    var current = network
    for (index, part) in parts.enumerated() {
      let parent = prefix
      prefix += (index == 0 ? "" : "/") + part
      // The list of a model's layers has no name of its own.
      if part == "layers", index + 1 < parts.count, names[prefix] == nil { continue }
      let isInLayers = index > 0 && parts[index - 1] == "layers" && names[parent] == nil
      let automatic = KerasNetwork.kind(ofName: part)
      if isInLayers {
        let known = current?.layer(stored: part)
        let name = names[prefix].flatMap { $0.isEmpty ? nil : $0 } ?? known?.name ?? part
        kind = known?.kind ?? automatic
        norm = known.map {
          KerasVariable.Norm(scale: $0.flag("scale") ?? true, center: $0.flag("center") ?? true)
        }
        current = known?.inner
        layer.append(name)
      } else if lists.contains(parent) {
        kind = automatic
        let suffix = part.dropFirst(automatic.count + 1)
        layer.append(suffix.isEmpty ? "0" : String(suffix))
      } else {
        // An attribute: its class shows in the automatic name beside.
        kind = names[prefix].map { KerasNetwork.kind(ofName: $0) }
        layer.append(part)
      }
    }
    if layer.first == "optimizer" {
      return KerasVariable(path: path + "/vars/" + variable, shape: shape)
    }
    var found = KerasVariable(layer: layer, name: variable, shape: shape, kind: kind)
    found.norm = norm
    return found
  }
}
