/// Layers of one class that a library names by counting them as they are made: `conv2d`, `conv2d_1`.
///
/// The count belongs to the process: a second network's first is `conv2d_94`. Keras 2 began at 1.
struct CountedLayers: Sendable, Hashable {
  /// The class as it stands in the names.
  let kind: String
  /// A variable that each of them has, by every name that a file may give it.
  let variable: [String]
  /// What they are here, in the order in which they are made.
  let paths: [String]
  /// The number of the first. Number 0 is not written.
  private(set) var start = 0
  /// The variable's name in this file.
  private var called: String

  init(_ kind: String, variable: [String], paths: [String]) {
    (self.kind, self.variable, self.paths) = (kind, variable, paths)
    called = variable.first ?? ""
  }

  private func name(_ index: Int) -> String {
    let number = start + index
    return number == 0 ? kind : "\(kind)_\(number)"
  }

  /// What stands before the layers' names in a file, each once.
  func leads(in names: [String]) -> Set<String> {
    Set(
      names.compactMap { name in
        guard let variable = variable.first(where: { name.hasSuffix("." + $0) }) else { return nil }
        let layer = name.dropLast(variable.count + 1)
        let lead = layer.lastIndex(of: ".").map { layer[...$0] } ?? ""
        let own = layer.dropFirst(lead.count)
        return own == kind || own.hasPrefix(kind + "_") ? String(lead) : nil
      })
  }

  /// A name of each of them.
  var markers: [String] { paths.indices.map { "\(name($0)).\(called)" } }

  /// Rules that give them their paths.
  var rules: String {
    paths.indices.map { "- rename: {prefix: \(name($0))., to: \(paths[$0]).}\n" }.joined()
  }

  /// Begins at the lowest number that stands in a file's names.
  ///
  /// More layers than paths are another network: then what is asked for is not there.
  mutating func count(in names: [String], lead: String) {
    var numbers: Set<Int> = []
    for name in names where name.hasPrefix(lead + kind) {
      let rest = name.dropFirst(lead.count + kind.count)
      guard let variable = variable.first(where: { rest.hasSuffix("." + $0) }) else { continue }
      let mark = rest.dropLast(variable.count + 1)
      guard let number = mark.isEmpty ? 0 : mark.first == "_" ? Int(mark.dropFirst()) : nil,
        (0...CountedLayers.highest).contains(number)
      else { continue }
      numbers.insert(number)
      called = variable
    }
    guard numbers.count <= paths.count, let first = numbers.min() else { return }
    start = first
  }

  /// Numbers beyond are no count.
  private static let highest = 1_000_000_000
}
