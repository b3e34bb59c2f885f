import WeighbridgeModules

/// Parameters that stand in each other's place: within a module, or between two of the same shapes.
struct SwapHypotheses {
  let path: ModulePath
  let parameters: [ModuleParameter]

  /// Pairs within the module.
  func within() -> [LayoutHypotheses.Hypothesis] {
    var found: [LayoutHypotheses.Hypothesis] = []
    for (index, a) in parameters.enumerated() {
      for b in parameters.dropFirst(index + 1)
      where a.tensor.shape == b.tensor.shape && a.role == b.role && a.role != .statistic {
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
    let pairs = parameters.compactMap { mine in
      theirs.first { $0.name == mine.name && $0.tensor.shape == mine.tensor.shape }
        .map { (mine, $0) }
    }
    guard !pairs.isEmpty else { return [] }
    var subsets = pairs.map { [$0] }
    if pairs.count > 1 { subsets.insert(pairs, at: 0) }
    return subsets.map { subset in
      let names = subset.count == parameters.count ? "" : "'s \(subset[0].0.name)"
      return .init(
        cause: Cause(
          .tensorsSwapped,
          isMutual
            ? "\(path)\(names) and \(other)\(names) hold each other's values"
            : "the reference has the values of \(other)\(names) in \(path), too",
          fix: isMutual
            ? exchange(subset.map { ((path / $0.0.name).name, (other / $0.1.name).name) })
            : .code("load \(path)\(names) from what is now in \(other)")),
        tensors: Dictionary(subset.map { ($0.0.name, $0.1.tensor) }) { first, _ in first })
    }
  }

  private func exchange(_ pairs: [(String, String)]) -> Cause.Fix {
    .parameters(
      pairs.flatMap { a, b in
        [ParameterChange(a, [.replacedBy(b)]), ParameterChange(b, [.replacedBy(a)])]
      })
  }
}
