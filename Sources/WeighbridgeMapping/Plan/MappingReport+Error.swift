import WeighbridgeTensors

extension MappingReport {
  /// The error for a mapping that is not one to one; `nil` for one that is. One line for the command,
  /// whose `map` lists the rest.
  public func error(file: String?) -> WeighbridgeError? {
    guard !isOneToOne else { return nil }
    let wrong = problems(limit: 1)
    guard isForeign else {
      return WeighbridgeError(
        .mapping, "the names do not map one to one: \(wrong)", file: file,
        remedy: "\(Setting.command("map")) lists them all")
    }
    return WeighbridgeError(
      .mapping, foreign(wrong), file: file,
      remedy: resembles.isEmpty
        ? "Say which it is with \(Setting.model()), or rename its tensors with \(Setting.rules)"
        : "By names and shapes it is \(resembles.joined(separator: " or ")): "
          + "\(Setting.model(resembles[0]))")
  }

  /// The most things of one kind that an error lists.
  private static let listed = 20

  /// The error for a program with modules of its own: everything that is wrong, up to twenty of a
  /// kind, and the rules that may put it right. `nil` when the mapping is one to one.
  package func listingError(file: String?) -> WeighbridgeError? {
    guard !isOneToOne else { return nil }
    let wrong = problems(limit: MappingReport.listed)
    let message = isForeign ? foreign(wrong) : "the names do not map one to one: \(wrong)"
    var remedies: [String] = []
    if let first = undecided.first {
      remedies.append(
        "Say which with a rule: " + first.rules.map { "`\($0.yaml)`" }.joined(separator: " or "))
    }
    if !suggestions.isEmpty {
      let shown = suggestions.prefix(3).map { "`\($0.rule.yaml)` (\($0.reason))" }
      let more = suggestions.count - shown.count
      remedies.append(
        "Perhaps these rules: " + shown.joined(separator: ", ")
          + (more > 0 ? " and \(more) more" : ""))
    }
    let most =
      [missing.count, unexpected.count, mismatched.count, collisions.count, undecided.count]
      .max() ?? 0
    if most > MappingReport.listed || suggestions.count > 3 {
      remedies.append("`Weights.report(…).lines()` or a plan's `report.lines()` list all of them")
    }
    return WeighbridgeError(
      .mapping, message, file: file,
      remedy: remedies.isEmpty ? nil : remedies.joined(separator: ". "))
  }

  private func foreign(_ wrong: String) -> String {
    let wanted = missing.count + mismatched.count + matched.count
    return "is probably not of this architecture: \(matched.count) of \(wanted) parameters match, "
      + wrong
  }

  /// `2 missing (a, b), 1 unexpected (c)`.
  private func problems(limit: Int) -> String {
    let kinds: [(what: String, items: [String], separator: String)] = [
      ("missing", missing.map(\.parameter), ", "),
      ("unexpected", unexpected.map(\.source), ", "),
      ("that do not fit", mismatched.map { "\($0.parameter): \($0.reason)" }, "; "),
      (
        "with several sources",
        collisions.map { "\($0.name): \($0.sources.joined(separator: ", "))" }, "; "
      ),
    ]
    let unclear = undecided.map { "\($0.source): \($0.reason)" }
    return (kinds + [("undecided", unclear, "; ")]).filter { !$0.items.isEmpty }.map {
      what, items, separator in
      let shown = items.prefix(limit).joined(separator: separator)
      let end = items.count <= limit ? "" : limit == 1 ? ", …" : "\(separator)…"
      return "\(items.count) \(what) (\(shown)\(end))"
    }.joined(separator: ", ")
  }
}
