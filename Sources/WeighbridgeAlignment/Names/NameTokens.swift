/// A name in its parts: `Conv2d_1a_3x3/BatchNorm/moving_mean` is conv, 2d, 1, a, 3, x, 3, batch, norm,
/// running_mean.
struct NameTokens: Sendable, Hashable {
  /// The parts of the layer's path.
  var path: [String]
  /// What the tensor is to its layer: `weight`, `bias`, `running_mean`; the last part as it is where no
  /// framework's word is known.
  var part: String

  private static let words = [
    "kernel": "weight", "gamma": "weight", "w": "weight", "scale": "weight", "weights": "weight",
    "depthwise_kernel": "weight", "beta": "bias", "b": "bias", "offset": "bias", "biases": "bias",
    "moving_mean": "running_mean", "mean": "running_mean", "moving_variance": "running_var",
    "moving_var": "running_var", "var": "running_var", "variance": "running_var",
  ]

  init(_ name: String) {
    let pieces = name.split { $0 == "." || $0 == "/" }.map(String.init)
    let last = pieces.last ?? name
    part = Self.words[last.lowercased()] ?? last.lowercased()
    path = pieces.dropLast().flatMap(Self.parts)
  }

  /// A component at its separators and where letters, digits and capitals meet.
  private static func parts(_ component: String) -> [String] {
    var parts: [String] = []
    var current = ""
    var previous: Character?
    for character in component {
      if character == "_" || character == "-" || character == ":" {
        if !current.isEmpty { parts.append(current) }
        (current, previous) = ("", nil)
        continue
      }
      if let last = previous,
        last.isNumber != character.isNumber || (character.isUppercase && last.isLowercase)
      {
        parts.append(current)
        current = ""
      }
      current += character.lowercased()
      previous = character
    }
    if !current.isEmpty { parts.append(current) }
    return parts
  }

  /// How much of two paths is the same, from 0 to 1: twice the length of their longest common
  /// subsequence over the sum of their lengths. Numbers count twice, since they tell layers of a kind.
  func likeness(_ other: NameTokens) -> Double {
    let (a, b) = (path, other.path)
    guard !a.isEmpty, !b.isEmpty else { return a.isEmpty && b.isEmpty ? 1 : 0 }
    func weight(_ token: String) -> Double { token.first?.isNumber == true ? 2 : 1 }
    var row = [Double](repeating: 0, count: b.count + 1)
    for first in a {
      var diagonal = 0.0
      for (index, second) in b.enumerated() {
        let above = row[index + 1]
        row[index + 1] =
          first == second ? diagonal + weight(first) : max(above, row[index])
        diagonal = above
      }
    }
    let whole = (a + b).reduce(0.0) { $0 + weight($1) }
    return 2 * (row.last ?? 0) / whole
  }

  /// What sorts `block.10` behind `block.9`.
  static func precedes(_ a: String, _ b: String) -> Bool {
    let (first, second) = (parts(a.replacing(".", with: "_")), parts(b.replacing(".", with: "_")))
    for (x, y) in zip(first, second) where x != y {
      if let m = Int(x), let n = Int(y) { return m < n }
      return x < y
    }
    return first.count < second.count
  }
}
