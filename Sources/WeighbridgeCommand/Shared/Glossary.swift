import Weighbridge

/// What the words in reports mean.
enum Glossary {
  /// One line for each status of a layer, indented, in two columns.
  static var statuses: String {
    let width = LayerStatus.allCases.map(\.rawValue.count).max() ?? 0
    return LayerStatus.allCases.map { status in
      let space = String(repeating: " ", count: width + 2 - status.rawValue.count)
      return "  \(status.rawValue)\(space)\(status.meaning)"
    }.joined(separator: "\n")
  }
}
