import WeighbridgeTensors

/// What the entries of Keras' HDF5 files are called: by layer and variable, `conv1.kernel`.
///
/// Keras 2, and Keras 3 in `.h5`, write `conv1/conv1/kernel:0`, perhaps under `model_weights`. Keras 3's
/// `.weights.h5` writes `layers/conv2d/vars/0`: the layer by its class and the variable by its number,
/// with the layer's name as an attribute beside.
struct KerasNames {
  struct Entry {
    var name: String
    var form: EntryForm?
  }

  /// Per entry of the HDF5 file.
  private(set) var entries: [Entry] = []
  /// The entries in the order of the network's layers; without a configuration, of their names, numbers
  /// in them counting as such.
  private(set) var order: [Int] = []
  private let network: KerasNetwork?

  private static let versionKeys = ["keras_version", "model_config"]

  /// Whether Keras wrote the file.
  static func isKeras(_ file: HDF5File) -> Bool {
    if versionKeys.contains(where: { file.metadata[$0] != nil }) { return true }
    if file.attributes.contains("layer_names") { return true }
    return !file.variableGroups.isEmpty && !file.entries.isEmpty
      && file.entries.allSatisfy { variablePath($0.rawPath) != nil }
  }

  init(_ file: HDF5File, _ network: KerasNetwork?) {
    self.network = network
    let isNumbered =
      !file.variableGroups.isEmpty
      && file.entries.contains { KerasNames.variablePath($0.rawPath) != nil }
    var variables: [KerasVariable]
    if isNumbered {
      let layers = KerasLayerNames(file.variableGroups, network)
      variables = file.entries.map { entry in
        guard let (layer, variable) = KerasNames.variablePath(entry.rawPath) else {
          return KerasVariable(path: entry.rawPath, shape: entry.shape)
        }
        return layers.variable(layer, variable, entry.shape)
      }
    } else {
      variables = KerasNames.legacy(file.entries)
    }
    KerasVariable.number(&variables)
    add(variables)
    let keys = variables.map { KerasOrder($0.layer, network) }
    order = entries.indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] < keys[$1] }
  }

  /// The layer's path and the variable of `layers/conv2d/vars/0`.
  private static func variablePath(_ path: String) -> (layer: String, variable: String)? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 1, parts[parts.count - 2] == "vars", let variable = parts.last else {
      return nil
    }
    return (parts.dropLast(2).joined(separator: "/"), String(variable))
  }

  // MARK: Keras 2 and `.h5`

  private static func legacy(_ entries: [CheckpointEntry]) -> [KerasVariable] {
    let paths = entries.map { entry -> [Substring] in
      let parts = entry.rawPath.split(separator: "/")
      return parts.first == "model_weights" && parts.count > 2 ? Array(parts.dropFirst()) : parts
    }
    // The scopes within each layer's group: a single one repeats the layer's name.
    var scopes: [Substring: Set<Substring>] = [:]
    for path in paths where path.count > 2 { scopes[path[0], default: []].insert(path[1]) }
    return zip(paths, entries).map { path, entry in
      var parts = path
      if parts.count > 2, let own = scopes[parts[0]],
        own == [parts[1]] && parts[1].hasPrefix(parts[0]) || parts[1] == parts[0]
      {
        parts.remove(at: 1)
      }
      guard let last = parts.popLast() else {
        return KerasVariable(path: entry.rawPath, shape: entry.shape)
      }
      let mark = last.lastIndex(of: ":")
      let isCounted = mark.map { last[last.index(after: $0)...].allSatisfy(\.isNumber) } ?? false
      let name = isCounted ? last[..<(mark ?? last.endIndex)] : last
      return KerasVariable(
        layer: parts.map(String.init), name: String(name), shape: entry.shape)
    }
  }

  // MARK: Forms

  private mutating func add(_ variables: [KerasVariable]) {
    var groups: [[String]: [Int]] = [:]
    for (index, variable) in variables.enumerated() {
      groups[variable.layer, default: []].append(index)
    }
    let siblings = groups.mapValues { members in
      Dictionary(
        members.map { (variables[$0].name, variables[$0].shape) }, uniquingKeysWith: { a, _ in a })
    }
    let filters = KerasNetwork.choices(
      variables.lazy.compactMap { variable in
        KerasRole(
          layer: variable.layer, kind: variable.kind, siblings: siblings[variable.layer] ?? [:]
        ).channels(variable.name, variable.shape)
      })
    entries = variables.map { Entry(name: $0.path) }
    for (layer, members) in groups {
      let known = network?.find(layer)
      var flattening = KerasNetwork.Flattening.none
      if let known {
        if known.layer.kind == "dense" {
          flattening = known.among.flattening(before: known.position)
        }
      } else if network == nil {
        flattening = .unknown(filters)
      }
      for index in members {
        let role = KerasRole(
          layer: layer, kind: known?.layer.kind ?? variables[index].kind,
          siblings: siblings[layer] ?? [:],
          flattening: flattening)
        entries[index].form = role.form(variables[index].name, variables[index].shape)
      }
    }
  }
}
