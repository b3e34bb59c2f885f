import WeighbridgeCheckpoints
import WeighbridgeTensors

/// Suggestions for files whose format has names of its own. Rules see the file's names.
extension MappingReport {
  /// A layer or a module: what it has, with shapes.
  private struct Group {
    let path: String
    var parts: [String: Shape] = [:]

    /// What is compared: convolutions stand in one row, norms in another.
    var kind: String {
      parts.map { "\($0.key):\($0.value.rank)" }.sorted().joined(separator: " ")
    }

    static func groups(_ items: [(name: String, shape: Shape)]) -> [Group] {
      var (groups, positions): ([Group], [Substring: Int]) = ([], [:])
      for (name, shape) in items {
        guard let mark = name.lastIndex(of: ".") else { continue }
        let path = name[..<mark]
        let position = positions[path] ?? groups.count
        if position == groups.count {
          positions[path] = position
          groups.append(Group(path: String(path)))
        }
        groups[position].parts[String(name[name.index(after: mark)...])] = shape
      }
      return groups
    }
  }

  /// Proposes layers for modules in order, kind by kind, where there are as many of both and every shape
  /// agrees. Order is no proof, so these are rules to be given, not applied.
  ///
  /// - Returns: The paths of the modules for which it has.
  mutating func suggestByOrder() -> Set<String> {
    let modules = Group.groups(
      missing.filter { !$0.parameter.hasSuffix(".num_batches_tracked") }
        .map { ($0.parameter, $0.shape) })
    var told: Set<String> = []
    let layers = Group.groups(unexpected.map { ($0.name, $0.shape) })
    let sources = Dictionary(unexpected.map { ($0.name, $0.source) }) { first, _ in first }
    let wanted = Dictionary(grouping: modules, by: \.kind)
    for (kind, found) in Dictionary(grouping: layers, by: \.kind).sorted(by: { $0.key < $1.key }) {
      guard let modules = wanted[kind], modules.count == found.count,
        zip(modules, found).allSatisfy({ $0.parts == $1.parts })
      else { continue }
      for (module, layer) in zip(modules, found) {
        guard let part = layer.parts.keys.sorted().last,
          let source = sources["\(layer.path).\(part)"],
          let mark = source.lastIndex(of: ".")
        else { continue }
        told.insert(module.path)
        suggestions.append(
          Suggestion(
            parameter: "\(module.path).\(part)", source: source,
            reason: found.count == 1
              ? "the only layer of its kind"
              : "in order and shape among \(found.count) of its kind",
            rule: Rule(
              .rename(
                .prefix(String(source[...mark])), to: (module.path + ".").escapingDollars))))
      }
    }
    return told
  }

  /// Lists what the file does not tell of parameters that the model has.
  mutating func ask(_ questions: [FormQuestion]) {
    let parameters = Dictionary(matched.map { ($0.source, $0.parameter) }) { first, _ in first }
    undecided += questions.compactMap { question in
      parameters[question.source].map {
        Undecided(
          parameter: $0, source: question.source, shape: question.shape,
          reason: question.reason, rules: question.rules)
      }
    }
  }

  /// Brings suggestions of renames onto the file's names.
  mutating func restateSuggestions(_ stateDict: StateDict) {
    let forms = Dictionary(
      stateDict.tensors.filter { $0.form != nil && $0.isPlain }.map { ($0.source, $0) }
    ) { first, _ in first }
    suggestions = suggestions.map { suggestion in
      guard let tensor = forms[suggestion.source], case .rename(.exact, _) = suggestion.rule.action,
        let mark = suggestion.source.lastIndex(of: "."),
        let end = suggestion.parameter.lastIndex(of: "."), tensor.name != suggestion.source
      else { return suggestion }
      let name = "\(suggestion.parameter[..<end])\(suggestion.source[mark...])"
      return Suggestion(
        parameter: suggestion.parameter, source: suggestion.source, reason: suggestion.reason,
        rule: Rule(.rename(.exact(suggestion.source), to: name.escapingDollars)))
    }
  }
}
