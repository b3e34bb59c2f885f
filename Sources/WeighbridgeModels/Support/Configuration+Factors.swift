import WeighbridgeModules

extension Configuration {
  /// Demands that an integer lies in a range.
  ///
  /// - Throws: `usage`, naming the key and its value.
  func require(_ name: String, in range: ClosedRange<Int>) throws {
    let value = try integer(name)
    guard range.contains(value) else {
      throw WeighbridgeError(
        .usage,
        "\(architecture) needs \(name) from \(range.lowerBound) to \(range.upperBound), got "
          + "\(name)=\(value)")
    }
  }
}

/// One factor of a product that a checkpoint's shape shows.
struct Factor {
  let key: String
  /// The key's power in the product.
  let power: Int
  /// Values to try in order after the key's own, when shapes alone do not decide.
  let preferred: [Int]

  init(_ key: String, power: Int = 1, preferred: [Int] = []) {
    self.key = key
    self.power = power
    self.preferred = preferred
  }

  func raised(_ value: Int) -> Int? {
    var result = 1
    for _ in 0..<power {
      let (product, overflow) = result.multipliedReportingOverflow(by: value)
      if overflow { return nil }
      result = product
    }
    return result
  }

  /// The whole number whose power this is.
  func root(_ value: Int) -> Int? { power == 1 ? value : value.exactSquareRoot }
}

extension Configuration {
  /// Splits a product that a shape shows into the values of its factors.
  ///
  /// Values that the user or the metadata gave stand. If one factor is left, the product determines
  /// it. If several are, no shape can tell: the assumed values stand as far as they fit, else one of
  /// the open factors after the other is solved for, and all of them stay *assumed*.
  ///
  /// - Throws: `mapping` when no whole numbers fit.
  mutating func inferFactors(
    of product: Int, evidence: @autoclosure () -> String, _ factors: [Factor]
  ) throws {
    let open = factors.filter { !isFixed($0.key) }
    var rest = product
    for factor in factors where isFixed(factor.key) {
      guard let value = factor.raised(try integer(factor.key)), value > 0, rest % value == 0 else {
        throw try misfit(product, factors, evidence())
      }
      rest /= value
    }
    if open.isEmpty {
      guard rest == 1 else { throw try misfit(product, factors, evidence()) }
    } else if open.count == 1, let only = open.first {
      guard let value = only.root(rest) else { throw try misfit(product, factors, evidence()) }
      try infer(only.key, value, evidence: evidence())
    } else {
      guard let values = assumed(rest, open) else { throw try misfit(product, factors, evidence()) }
      for (factor, value) in zip(open, values) {
        try set(factor.key, .integer(value), origin: .assumed)
      }
    }
  }

  /// Whether the user or the reference's metadata has decided on a key.
  func isFixed(_ key: String) -> Bool {
    guard let entry = entries[key], entry.value != ConfigurationValue.none else { return false }
    return entry.origin == .given || entry.origin == .metadata
  }

  /// Values whose product is `rest`: the last factor is solved for while those before it run through
  /// their current and preferred values, then the one before it, and so on.
  private func assumed(_ rest: Int, _ open: [Factor]) -> [Int]? {
    let current = open.map { (try? integer($0.key)) ?? 1 }
    for solved in open.indices.reversed() {
      var trials = [[Int]()]
      for (index, factor) in open.enumerated() {
        let values = index == solved ? [1] : [current[index]] + factor.preferred
        trials = trials.flatMap { trial in values.map { trial + [$0] } }
      }
      for var trial in trials {
        let raised = zip(open, trial).map { $0.raised($1) }
        guard let product = raised.reduce(1, { a, b in a.flatMap { a in b.map { a &* $0 } } }),
          product > 0, rest % product == 0, let value = open[solved].root(rest / product)
        else { continue }
        trial[solved] = value
        return trial
      }
    }
    return nil
  }

  private func misfit(_ product: Int, _ factors: [Factor], _ evidence: String) throws
    -> WeighbridgeError
  {
    let terms = factors.map { $0.key + ($0.power == 2 ? "²" : "") }.joined(separator: " × ")
    let values = factors.compactMap { factor in
      entries[factor.key].map { "\(factor.key)=\($0.value)" }
    }
    return WeighbridgeError(
      .mapping,
      "the checkpoint shows \(terms) = \(product) (\(evidence)), which "
        + "\(values.joined(separator: ", ")) cannot give",
      remedy: "Leave one of them out or use the checkpoint that fits them")
  }
}

extension Int {
  /// The whole number whose square this is.
  var exactSquareRoot: Int? {
    guard self >= 0, self < 1 << 52 else { return nil }
    let root = Int(Double(self).squareRoot())
    return root * root == self ? root : nil
  }
}
