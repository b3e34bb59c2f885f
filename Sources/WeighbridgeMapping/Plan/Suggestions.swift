import WeighbridgeModules
import WeighbridgeTensors

/// "Did you mean": what misnamed or misshapen tensors probably are.
extension MappingReport {
  /// How many suggestions are worth reading.
  private static let limit = 40

  /// - Parameter modules: The paths of modules for which there are suggestions already.
  mutating func suggest(besides modules: Set<String> = []) {
    let told = Set(suggestions.map(\.parameter) + undecided.map(\.parameter))
    suggestions += mismatched.filter { !told.contains($0.parameter) }
      .compactMap(MappingReport.reshaping)
    // What a reparametrisation leaves is a part of a weight, whatever its name and shape are like.
    var free = unexpected.filter { TensorFamily.partReason($0.name) == nil }
    var budget = 20_000
    let limit = suggestions.count + MappingReport.limit
    for wanted in missing where suggestions.count < limit && budget > 0 {
      let module = wanted.parameter.lastIndex(of: ".").map { wanted.parameter[..<$0] } ?? ""
      guard !modules.contains(String(module)) else { continue }
      guard let best = MappingReport.bestRename(wanted, free, &budget) else { continue }
      suggestions.append(best.suggestion)
      free.remove(at: best.index)
    }
  }

  /// The same numbers in the same order, with axes of one element more or less.
  private static func reshaping(_ mismatch: Mismatch) -> Suggestion? {
    let (found, expected) = (mismatch.found, mismatch.expected)
    guard found != expected, found.filter({ $0 != 1 }) == expected.filter({ $0 != 1 }),
      !mismatch.source.contains(" + ")
    else { return nil }
    return Suggestion(
      parameter: mismatch.parameter, source: mismatch.source,
      reason: "as many numbers in another shape",
      rule: Rule(.reshape(.exact(mismatch.source), shape: expected.dimensions)))
  }

  /// The unexpected tensor that is most like a missing parameter: of its shape, or of its shape
  /// transposed, and with the longest common end of the name or few letters that differ.
  private static func bestRename(
    _ wanted: Missing, _ free: [Unexpected], _ budget: inout Int
  ) -> (suggestion: Suggestion, index: Int)? {
    var best: (score: Int, index: Int)?
    let letters = Array(wanted.parameter.utf8)
    let components = wanted.parameter.split(separator: ".")
    for (index, candidate) in free.enumerated() where budget > 0 {
      guard candidate.shape == wanted.shape || candidate.shape.isTransposed(wanted.shape)
      else { continue }
      let others = candidate.name.split(separator: ".")
      let common = zip(components.reversed(), others.reversed()).prefix { $0 == $1 }.count
      budget -= 1
      let distance = Spelling.distance(letters, Array(candidate.name.utf8))
      let score = common * 1000 - distance * 10 - (candidate.shape == wanted.shape ? 0 : 500)
      // Neither the end nor the letters agree: nothing to go by.
      guard common > 0 || distance <= max(2, letters.count / 3) else { continue }
      if score > best?.score ?? .min { best = (score, index) }
    }
    guard let best else { return nil }
    let candidate = free[best.index]
    let same = candidate.shape == wanted.shape
    // Rules see the file's names, wrappers and all.
    let lead =
      candidate.source.hasSuffix(candidate.name)
      ? String(candidate.source.dropLast(candidate.name.count)) : ""
    return (
      Suggestion(
        parameter: wanted.parameter, source: candidate.source,
        reason: same ? "a similar name and the same shape" : "a similar name, transposed",
        rule: Rule(
          .rename(
            .exact(lead + candidate.name), to: (lead + wanted.parameter).escapingDollars))),
      best.index
    )
  }
}

extension Shape {
  /// Whether this is a matrix and the other its transpose.
  fileprivate func isTransposed(_ other: Shape) -> Bool {
    rank == 2 && other.rank == 2 && self[0] == other[1] && self[1] == other[0]
  }
}
