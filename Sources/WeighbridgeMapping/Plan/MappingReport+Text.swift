import WeighbridgeTensors

extension MappingReport {
  /// The report for people: a heading, then everything that is not one to one, the dead parameters,
  /// the notes and what was probably meant. Matches are counted only.
  ///
  /// - Parameter limit: The most lines of one kind; the rest is counted. `nil` for all of them.
  public func lines(limit: Int? = nil) -> [String] {
    var lines = [heading]
    func section(_ title: String, _ items: [String], count: Int? = nil) {
      guard !items.isEmpty else { return }
      lines.append("\(title) (\(count ?? items.count))")
      let shown = items.prefix(limit ?? items.count)
      lines += shown.map { "  " + $0.escapingControlCharacters() }
      if shown.count < items.count { lines.append("  … and \(items.count - shown.count) more") }
    }
    section(
      "missing: the model asks for them, the file has none",
      missing.map { item in
        "\(item.parameter) \(item.shape)" + (item.reason.map { ": \($0)" } ?? "")
      })
    section(
      "unexpected: in the file, and the model does not ask for them",
      unexpected.map { "\($0.source) \($0.shape) \($0.dtype)" })
    section(
      "mismatched",
      mismatched.map { item in
        let source = item.source == item.parameter ? "" : " from \(item.source)"
        return "\(item.parameter)\(source): \(item.reason)"
      })
    section(
      "several sources for one name",
      collisions.map { "\($0.name): \($0.sources.joined(separator: ", "))" })
    section(
      "undecided: their shapes do not tell the order of their axes; give one of the rules for each",
      undecided.flatMap { item in
        ["\(item.source) \(item.shape): \(item.reason)"] + item.rules.map { "  \($0.yaml)" }
      }, count: undecided.count)
    section("computed by these rules, as PyTorch does", computed.map(\.yaml))
    section(
      "unused: loaded, and no output depends on them", dead.map { "\($0.name): \($0.reason)" })
    section("dropped by a rule", dropped.map { "\($0.name): \($0.reason)" })
    section(
      "did you mean",
      suggestions.map { item in
        "\(item.source) for \(item.parameter) (\(item.reason))  \(item.rule.yaml)"
      })
    section("notes", notes)
    return lines
  }

  /// One line: how many match, and what is wrong.
  public var heading: String {
    let count = "\(matched.count) parameters and buffers match"
    if isOneToOne { return "one to one: \(count)" }
    let parts = [
      (missing.count, "missing"), (unexpected.count, "unexpected"),
      (mismatched.count, "mismatched"), (collisions.count, "with several sources"),
    ]
    let wrong = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    return "not one to one: \(count), \(wrong)"
  }
}

extension MappingReport: CustomStringConvertible {
  /// What `weighbridge map` prints: everything that is not one to one, and the notes.
  public var description: String { lines().joined(separator: "\n") }
}
