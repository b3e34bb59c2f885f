import WeighbridgeCheckpoints
import WeighbridgeTensors

/// Tensors read as what their file's format says they are to PyTorch.
struct FormReading {
  private(set) var tensors: [MappedTensor] = []
  /// What no model asks for, and what stands there, by reason.
  private(set) var beside: [MappedTensor] = []
  private(set) var rules: [Rule] = []
  /// What the file does not tell, by the file's names.
  private(set) var questions: [FormQuestion] = []
  private var renamed = 0
  private var moved = 0

  init(_ given: [MappedTensor]) {
    tensors.reserveCapacity(given.count)
    for tensor in given {
      switch tensor.form {
      case nil: tensors.append(tensor)
      case .beside(let reason)?:
        beside.append(tensor)
        rules.append(Rule(.drop(.exact(tensor.name), reason: reason)))
      case .parameter(let name, let steps)?: add(tensor, name, steps)
      case .undecided(let name, let ways, let reason)?:
        add(tensor, name, ways.first ?? [])
        if tensor.decidedLayout == nil, let result = tensors.last {
          questions.append(FormQuestion(tensor, result, ways, reason))
        }
      }
    }
  }

  var reasons: [(String, [MappedTensor])] {
    let groups = Dictionary(grouping: beside) { tensor in
      if case .beside(let reason)? = tensor.form { reason } else { "" }
    }
    return groups.sorted { $0.key < $1.key }.map { ("that are \($0.key)", $0.value) }
  }

  var note: String {
    "the file's own names are read as PyTorch's: \(renamed) renamed, \(moved) brought into PyTorch's "
      + "order of axes"
  }

  private mutating func add(_ tensor: MappedTensor, _ name: String, _ steps: [EntryForm.Step]) {
    var result = tensor
    var actions: [Rule.Action] = []
    // A rule of the user's about its axes wins.
    for step in tensor.decidedLayout == nil ? steps : [] {
      let pattern = NamePattern.exact(tensor.name)
      let action: Rule.Action =
        switch step {
        case .permute(let axes): .permute(pattern, axes: axes)
        case .reshape(let extents): .reshape(pattern, shape: extents)
        }
      guard let changed = try? result.change(for: action).applied(to: result) else {
        tensors.append(tensor)
        return
      }
      result = changed
      actions.append(action)
    }
    if !actions.isEmpty {
      moved += 1
      var axes: [Int]?
      if actions.count == 1, case .permute(_, let only) = actions[0] { axes = only }
      result.decidedLayout = DecidedLayout(axes: axes)
    }
    result.name = FormReading.name(tensor, name)
    rules += actions.map { Rule($0) }
    if result.name != tensor.name {
      renamed += 1
      rules.append(Rule(.rename(.exact(tensor.name), to: result.name.escapingDollars)))
    }
    tensors.append(result)
  }

  /// The name in PyTorch's words. Of an entry that rules have renamed, only the variable's own part
  /// changes: `stem.conv.kernel` is `stem.conv.weight`.
  private static func name(_ tensor: MappedTensor, _ name: String) -> String {
    guard let source = tensor.recipe.sources.first, source != tensor.name else { return name }
    let layer = source.lastIndex(of: ".").map { String(source[...$0]) } ?? ""
    let variable = String(source.dropFirst(layer.count))
    guard name.hasPrefix(layer), tensor.name == variable || tensor.name.hasSuffix("." + variable)
    else { return tensor.name }
    return String(tensor.name.dropLast(variable.count)) + String(name.dropFirst(layer.count))
  }
}

/// A tensor whose order its file does not tell.
struct FormQuestion {
  /// The name by which the model may ask for it.
  var name: String
  let source: String
  let shape: Shape
  let reason: String
  /// The rules of the plainest way.
  let rules: [Rule]

  init(
    _ tensor: MappedTensor, _ result: MappedTensor, _ ways: [[EntryForm.Step]], _ reason: String
  ) {
    func rules(_ steps: [EntryForm.Step]) -> [Rule] {
      steps.map { step in
        switch step {
        case .permute(let axes): Rule(.permute(.exact(tensor.name), axes: axes))
        case .reshape(let extents): Rule(.reshape(.exact(tensor.name), shape: extents))
        }
      }
    }
    (name, source, shape) = (result.name, tensor.source, result.shape)
    self.rules = rules(ways.first ?? [])
    let others = ways.dropFirst().map { rules($0).map(\.yaml).joined(separator: ", then ") }
    self.reason = reason + "; if so: " + others.joined(separator: "; or ") + "; if not, this rule"
  }
}

/// Layers whose names differ from a model's paths by separators alone.
struct PathAlignment {
  /// The path of each layer that is renamed.
  private(set) var renames: [Substring: Substring] = [:]

  init(_ names: [String], _ wanted: [String]) {
    let (found, paths) = (PathAlignment.paths(names), PathAlignment.paths(wanted))
    let free = PathAlignment.byKey(found.subtracting(paths))
    let missing = PathAlignment.byKey(paths.subtracting(found))
    for (key, layers) in free {
      guard let layer = layers.first, layers.count == 1, let path = missing[key]?.first,
        missing[key]?.count == 1
      else { continue }
      renames[layer] = path
    }
  }

  private static func paths(_ names: [String]) -> Set<Substring> {
    Set(names.compactMap { name in name.lastIndex(of: ".").map { name[..<$0] } })
  }

  private static func byKey(_ paths: Set<Substring>) -> [String: [Substring]] {
    Dictionary(grouping: paths) { $0.filter { !["_", ".", "/", "-"].contains($0) }.lowercased() }
  }

  func renamed(_ name: String) -> String? {
    guard let mark = name.lastIndex(of: "."), let path = renames[name[..<mark]] else { return nil }
    return String(path) + String(name[mark...])
  }

  var rules: [Rule] {
    renames.sorted { $0.key < $1.key }.map { layer, path in
      Rule(.rename(.prefix("\(layer)."), to: "\(path).".escapingDollars))
    }
  }

  var note: String {
    let pairs = renames.sorted { $0.key < $1.key }.map { "\($0.key) is \($0.value)" }
    let more = pairs.count > 3 ? " and \(pairs.count - 3) more" : ""
    return "layers are found by their names without separators: "
      + pairs.prefix(3).joined(separator: ", ") + more
  }
}
