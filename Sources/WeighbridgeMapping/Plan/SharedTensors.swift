import WeighbridgeModules
import WeighbridgeTensors

/// Modules that PyTorch knows by two names: `state_dict()` writes their tensors under both.
extension MappingReport {
  /// Takes names of tensors that are used under another name out of the unexpected, and says so.
  ///
  /// - Parameter aliases: Further names of tensors, each with the name that stands for all.
  mutating func setAsideAliases(_ aliases: [String: String]) {
    guard !aliases.isEmpty else { return }
    let used = Dictionary(
      matched.map { (aliases[$0.source] ?? $0.source, $0.source) }, uniquingKeysWith: { a, _ in a })
    unexpected.removeAll { extra in
      guard let other = used[aliases[extra.source] ?? extra.source] else { return false }
      notes.append(
        "'\(extra.source)' is another name of '\(other)', which is used, and is left out")
      return true
    }
  }

  /// Names that nobody asked for are looked at up to this many, and bytes up to this sum.
  private static let (mostNames, mostBytes) = (64, 1 << 28)

  /// Finds unexpected tensors whose values are those of a matched one, and suggests leaving them out.
  mutating func suggestDroppingCopies(_ source: CheckpointSource) {
    guard unexpected.count <= MappingReport.mostNames else { return }
    var budget = MappingReport.mostBytes
    let renamed = Set(suggestions.map(\.source))
    for extra in unexpected where !renamed.contains(extra.source) && extra.name == extra.source {
      let lastName = extra.name.split(separator: ".").last
      for match in matched
      where match.shape == extra.shape && match.dtype == extra.dtype
        && match.parameter.split(separator: ".").last == lastName
      {
        budget -= 2 * extra.shape.elementCount * extra.dtype.byteCount
        guard budget >= 0 else { return }
        guard let copy = try? source.tensor(extra.name),
          let original = try? source.tensor(match.parameter),
          (try? copy.hasSameBits(as: original)) == true
        else { continue }
        suggestions.append(
          Suggestion(
            parameter: match.parameter, source: extra.source,
            reason: "the same values: a module under two names",
            rule: Rule(
              .drop(.exact(extra.source), reason: "the same tensor as \(match.parameter)"))))
        break
      }
    }
  }
}
