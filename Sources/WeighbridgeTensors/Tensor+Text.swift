/// How a tensor prints: its dtype and shape, then its values as NumPy shows them.
extension Tensor: CustomStringConvertible {
  /// A line with dtype and shape, and below it the values. Of more than a thousand elements the first
  /// and last three along each axis are shown, with `...` between them.
  public var description: String {
    let heading = "\(dtype) \(shape)"
    guard !isDescriptor else { return heading + ", a descriptor without elements" }
    do {
      return heading + "\n" + (try ValueText(self).text)
    } catch {
      return heading + ", which cannot be shown: \(error)"
    }
  }
}

/// The values of a tensor as text, by the rules of NumPy's `array2string` with its default options.
private struct ValueText {
  /// From how many elements on the middle is left out, and how many stay at either end.
  private static let (threshold, edge) = (1000, 3)
  /// How long a line becomes at most.
  private static let lineWidth = 75

  let text: String

  init(_ tensor: Tensor) throws {
    guard tensor.rank > 0 else {
      text = try ValueFormat.single(tensor)
      return
    }
    let isSummary = tensor.elementCount > Self.threshold
    let shown = isSummary ? try tensor.edges(Self.edge) : tensor
    let words = try ValueFormat(shown).words
    guard tensor.elementCount > 0 else {
      text = "[]"
      return
    }
    let lines = Lines(
      shape: shown.shape.dimensions, words: words,
      gaps: tensor.shape.map { isSummary && $0 > 2 * Self.edge }, edge: Self.edge,
      width: Self.lineWidth)
    text = lines.text(axis: 0, first: 0, indent: " ")
  }

  /// The brackets, and words on lines.
  private struct Lines {
    let shape: [Int]
    let words: [String]
    /// Whether the middle of an axis is left out.
    let gaps: [Bool]
    let edge: Int
    let width: Int

    /// The text of one run of an axis, whose elements begin at word `first`.
    func text(axis: Int, first: Int, indent: String) -> String {
      axis == shape.count - 1
        ? row(first, axis, indent) : block(first, axis, indent)
    }

    private func row(_ first: Int, _ axis: Int, _ indent: String) -> String {
      var items = Array(words[first..<(first + shape[axis])])
      if gaps[axis] { items.insert("...", at: edge) }
      var (finished, line) = ("", indent)
      // The closing brackets belong to the last word, and have room on every line.
      let room = width - max(1, axis + 1)
      for (position, item) in items.enumerated() {
        if line.count + item.count > room, line.count > indent.count {
          while line.last == " " { line.removeLast() }
          finished += line + "\n"
          line = indent
        }
        line += item + (position < items.count - 1 ? " " : "")
      }
      return "[" + (finished + line).dropFirst(indent.count) + "]"
    }

    private func block(_ first: Int, _ axis: Int, _ indent: String) -> String {
      let step = shape[(axis + 1)...].reduce(1, *)
      var parts = (0..<shape[axis]).map {
        text(axis: axis + 1, first: first + $0 * step, indent: indent + " ")
      }
      if gaps[axis] { parts.insert("...", at: edge) }
      let between = String(repeating: "\n", count: shape.count - 1 - axis) + indent
      return "[" + parts.joined(separator: between) + "]"
    }
  }
}

extension Tensor {
  /// The first and the last `count` elements of every axis that has more than twice as many.
  fileprivate func edges(_ count: Int) throws -> Tensor {
    try OperationObservation.with(nil) {
      try (0..<rank).reduce(self) { tensor, axis in
        guard tensor.shape[axis] > 2 * count else { return tensor }
        return try Tensor.concatenated(
          [
            tensor.narrowed(axis, start: 0, length: count),
            tensor.narrowed(axis, start: tensor.shape[axis] - count, length: count),
          ], axis: axis)
      }
    }
  }
}
