/// Many modules of one class whose names are one word with numbers in order: `denselayer1`, `denselayer2` …
/// Each is a member in PyTorch; in Swift they are an array.
struct NumberedRow {
  let prefix: String
  let first: Int
  let nodes: [Int]

  /// Fewer are members of their own.
  private static let least = 5

  /// The row with which children begin; `nil` where there is none.
  init?(_ children: ArraySlice<Int>, _ recording: Recording, _ parts: [Int: Part]) {
    guard let child = children.first else { return nil }
    let name = recording.name(child)
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }
    let prefix = String(name.dropLast(digits.count))
    guard !prefix.isEmpty, let first = Int(String(digits.reversed())), first <= 1 else {
      return nil
    }
    let className = recording.network.nodes[child].className
    let row = children.enumerated().prefix { offset, node in
      guard case .type(let draft)? = parts[node] else { return false }
      return recording.name(node) == "\(prefix)\(first + offset)"
        && recording.network.nodes[node].className == className
        && parts[child]?.interface == draft.interface
    }
    guard row.count >= NumberedRow.least else { return nil }
    (self.prefix, self.first, nodes) = (prefix, first, row.map(\.element))
  }
}
