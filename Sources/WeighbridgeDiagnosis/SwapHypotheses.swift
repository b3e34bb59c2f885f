import WeighbridgeCauses
import WeighbridgeModules

/// Parameters that stand in each other's place: within a module, or between two of the same shapes.
struct SwapHypotheses {
  let path: ModulePath
  let parameters: [ModuleParameter]

  /// Pairs within the module, whatever their roles: exporters list a norm's four tensors in any order.
  func within() -> [LayoutHypotheses.Hypothesis] {
    var found: [LayoutHypotheses.Hypothesis] = []
    for (index, a) in parameters.enumerated() {
      for b in parameters.dropFirst(index + 1)
      where a.tensor.shape == b.tensor.shape && (a.role, b.role) != (.statistic, .statistic) {
        found.append(
          .init(
            cause: Cause(
              .tensorsSwapped, "\(a.name) and \(b.name) stand in each other's place",
              fix: exchange([((path / a.name).name, (path / b.name).name)])),
            tensors: [a.name: b.tensor, b.name: a.tensor]))
      }
    }
    return found
  }

  /// Another module's parameters in place of this one's: all of them, or one.
  ///
  /// - Parameter isMutual: Whether the other module is wrong, too, so that an exchange puts both right.
  func with(
    _ other: ModulePath, _ theirs: [ModuleParameter], isMutual: Bool
  ) -> [LayoutHypotheses.Hypothesis] {
    guard other != path else { return [] }
    return groups(parameters).flatMap { mine in
      groups(theirs).flatMap { theirs in
        subsets(mine, theirs).map { subset in
          hypothesis(other, subset, isWhole: subset.count == mine.count, isMutual: isMutual)
        }
      }
    }
  }

  private typealias Pair = (mine: ModuleParameter, theirs: ModuleParameter)

  /// What belongs together: `out_proj.weight` and `out_proj.bias` apart from `in_proj_weight`.
  private func groups(_ parameters: [ModuleParameter]) -> [[ModuleParameter]] {
    Dictionary(grouping: parameters) { $0.name.split(separator: ".").dropLast() }
      .sorted { $0.key.count < $1.key.count }.map(\.value)
  }

  /// All parameters of the same last names and shapes, and each alone.
  private func subsets(_ mine: [ModuleParameter], _ theirs: [ModuleParameter]) -> [[Pair]] {
    let pairs: [Pair] = mine.compactMap { mine in
      theirs.first {
        $0.name.split(separator: ".").last == mine.name.split(separator: ".").last
          && $0.tensor.shape == mine.tensor.shape
      }.map { (mine, $0) }
    }
    return (pairs.count > 1 ? [pairs] : []) + pairs.map { [$0] }
  }

  private func hypothesis(
    _ other: ModulePath, _ subset: [Pair], isWhole: Bool, isMutual: Bool
  ) -> LayoutHypotheses.Hypothesis {
    let isAll = isWhole && subset.allSatisfy { !$0.mine.name.contains(".") }
    let names = isAll ? "" : "'s \(subset[0].mine.name)"
    let theirs = isAll ? "" : "'s \(subset[0].theirs.name)"
    return .init(
      cause: Cause(
        .tensorsSwapped,
        isMutual
          ? "\(path)\(names) and \(other)\(theirs) hold each other's values"
          : "the reference has the values of \(other)\(theirs) in \(path), too",
        fix: isMutual
          ? exchange(subset.map { ((path / $0.mine.name).name, (other / $0.theirs.name).name) })
          : .code("load \(path)\(names) from what is now in \(other)")),
      tensors: Dictionary(subset.map { ($0.mine.name, $0.theirs.tensor) }) { first, _ in first })
  }

  private func exchange(_ pairs: [(String, String)]) -> Cause.Fix {
    .parameters(
      pairs.flatMap { a, b in
        [ParameterChange(a, [.replacedBy(b)]), ParameterChange(b, [.replacedBy(a)])]
      })
  }
}
