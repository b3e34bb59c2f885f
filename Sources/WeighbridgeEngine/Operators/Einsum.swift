/// Einstein's sums, as `torch.einsum`.
extension Tensor {
  /// Σ of products over the letters that the result does not have: `"bhnd,bhmd->bhnm"`. A letter that
  /// occurs twice in one operand means its diagonal; `...` stands for axes that broadcast; without `->`
  /// the result has the letters that occur once, in alphabetical order. Operands are joined from left to
  /// right, each pair by a matrix product.
  ///
  /// - Throws: `shape` when the equation is malformed or extents differ.
  public static func einsum(_ equation: String, _ operands: Tensor...) throws -> Tensor {
    try einsum(equation, operands)
  }

  /// `einsum` of an array.
  public static func einsum(_ equation: String, _ operands: [Tensor]) throws -> Tensor {
    let plan = try EinsumEquation(equation, operands)
    var terms = try zip(operands, plan.inputs).map { try EinsumTerm($0, $1).withoutRepeats() }
    guard var result = terms.first else {
      throw WeighbridgeError(.shape, "an Einstein sum needs operands")
    }
    terms.removeFirst()
    while !terms.isEmpty {
      let next = terms.removeFirst()
      let later = Set(terms.flatMap(\.labels) + plan.output)
      result = try result.joined(with: next, keeping: later)
    }
    return try result.arranged(as: plan.output)
  }
}

/// The letters of every operand and of the result. Axes under `...` have letters of their own, which
/// count from the back.
private struct EinsumEquation {
  let inputs: [[Label]]
  let output: [Label]

  enum Label: Hashable {
    case letter(UInt8)
    /// The axis of `...` that is so many from its end.
    case more(Int)
  }

  init(_ equation: String, _ operands: [Tensor]) throws {
    let text = equation.utf8.filter { $0 != 32 }
    let (left, right) = Self.sides(text)
    let terms = left.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard terms.count == operands.count else {
      throw WeighbridgeError(
        .shape, "\(terms.count) terms in \(equation.shortened()) for \(operands.count) operands")
    }
    inputs = try zip(terms, operands).map { term, operand in
      let letters = try Self.labels(term, more: 0, equation).count
      let labels = try Self.labels(term, more: operand.rank - letters, equation)
      guard labels.count == operand.rank else {
        throw WeighbridgeError(
          .shape,
          "the term \(String(decoding: term, as: UTF8.self)) does not name the axes of "
            + "\(operand.shape)")
      }
      return labels
    }
    let all = inputs.flatMap { $0 }
    let more = all.reduce(0) { if case .more(let place) = $1 { max($0, place + 1) } else { $0 } }
    if let right {
      output = try Self.labels(right, more: more, equation)
    } else {
      let counts = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
      let once = counts.keys.compactMap { label -> UInt8? in
        if case .letter(let letter) = label, counts[label] == 1 { letter } else { nil }
      }
      output = (0..<more).reversed().map(Label.more) + once.sorted().map(Label.letter)
    }
    guard Set(output).count == output.count, Set(output).isSubset(of: all) else {
      throw WeighbridgeError(
        .shape, "the result of \(equation.shortened()) has a letter twice or of no operand")
    }
  }

  private static func sides(_ text: [UInt8]) -> (ArraySlice<UInt8>, ArraySlice<UInt8>?) {
    guard let arrow = text.indices.dropLast().first(where: { text[$0] == 45 && text[$0 + 1] == 62 })
    else { return (text[...], nil) }
    return (text[..<arrow], text[(arrow + 2)...])
  }

  private static func labels(
    _ term: ArraySlice<UInt8>, more: Int, _ equation: String
  ) throws -> [Label] {
    var (labels, rest, hasMore) = ([Label](), term, false)
    while let first = rest.popFirst() {
      let isLetter = (65...90).contains(first) || (97...122).contains(first)
      if isLetter {
        labels.append(.letter(first))
      } else if first == 46, rest.prefix(2).elementsEqual([46, 46]), !hasMore {
        rest = rest.dropFirst(2)
        hasMore = true
        labels += (0..<max(0, more)).reversed().map(Label.more)
      } else {
        throw WeighbridgeError(.shape, "the equation \(equation.shortened()) cannot be read")
      }
    }
    return labels
  }
}

/// A tensor with a label on each axis.
private struct EinsumTerm {
  typealias Label = EinsumEquation.Label

  var tensor: Tensor
  var labels: [Label]

  init(_ tensor: Tensor, _ labels: [Label]) { (self.tensor, self.labels) = (tensor, labels) }

  /// A label that occurs twice is the diagonal of both axes.
  func withoutRepeats() throws -> EinsumTerm {
    var copy = self
    while let (a, b) = copy.repeatedPair {
      guard copy.tensor.shape[a] == copy.tensor.shape[b] else {
        throw WeighbridgeError(
          .shape, "axes \(a) and \(b) of \(copy.tensor.shape) have one letter and two extents")
      }
      let label = copy.labels[a]
      copy.tensor = try copy.tensor.diagonal(a, b)
      copy.labels.remove(at: b)
      copy.labels.remove(at: a)
      copy.labels.append(label)
    }
    return copy
  }

  private var repeatedPair: (Int, Int)? {
    for b in labels.indices {
      if let a = labels[..<b].firstIndex(of: labels[b]) { return (a, b) }
    }
    return nil
  }

  /// Summed over the labels that nobody needs.
  private func summed(keeping kept: Set<Label>) throws -> EinsumTerm {
    let axes = labels.indices.filter { !kept.contains(labels[$0]) }
    guard !axes.isEmpty else { return self }
    return EinsumTerm(try tensor.sum(axes: axes), labels.filter { kept.contains($0) })
  }

  /// The product with another term, summed over what both have and nobody needs later.
  func joined(with other: EinsumTerm, keeping later: Set<Label>) throws -> EinsumTerm {
    let a = try summed(keeping: later.union(other.labels))
    let b = try other.summed(keeping: later.union(labels))
    let shared = a.labels.filter { b.labels.contains($0) }
    let batch = shared.filter { later.contains($0) }
    let inner = shared.filter { !later.contains($0) }
    let (rows, columns) = (
      a.labels.filter { !shared.contains($0) }, b.labels.filter { !shared.contains($0) }
    )
    var extents: [Label: Int] = [:]
    for (label, extent) in zip(a.labels + b.labels, Array(a.tensor.shape) + Array(b.tensor.shape)) {
      let known = extents[label] ?? 1
      guard known == extent || known == 1 || extent == 1 else {
        throw WeighbridgeError(
          .shape, "one letter stands for \(known) and for \(extent) in an Einstein sum")
      }
      extents[label] = known == 1 ? extent : known
    }
    func size(_ labels: [Label]) -> Int { labels.reduce(1) { $0 * (extents[$1] ?? 1) } }
    func matrix(_ term: EinsumTerm, _ first: [Label], _ second: [Label]) throws -> Tensor {
      let order = batch + first + second
      let axes = order.compactMap { term.labels.firstIndex(of: $0) }
      return try term.tensor.permuted(axes).expanded(to: Shape(order.map { extents[$0] ?? 1 }))
        .reshaped([size(batch), size(first), size(second)])
    }
    let product = try matrix(a, rows, inner).matmul(matrix(b, inner, columns))
    let labels = batch + rows + columns
    return EinsumTerm(try product.reshaped(labels.map { extents[$0] ?? 1 }), labels)
  }

  /// The axes in this order, the others summed.
  func arranged(as output: [Label]) throws -> Tensor {
    let term = try summed(keeping: Set(output))
    return try term.tensor.permuted(output.compactMap { term.labels.firstIndex(of: $0) })
  }
}
