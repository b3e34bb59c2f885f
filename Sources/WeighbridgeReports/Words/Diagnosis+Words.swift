import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeVerdicts

extension Diagnosis {
  /// Whether the module to blame is that at which it shows.
  private var isOfLayer: Bool {
    if case .module(let key) = layer { key.path == path } else { false }
  }

  /// In one line: `LayerNorm eps is 1e-05 here and 1e-06 in the reference (noise ratio 61 → 1.0)`.
  public var summary: String {
    let place = isOfLayer ? named : "\(Diagnosis.name(of: path)): "
    switch certainty {
    case .likely: return "likely \(place)\(best.cause.text)\(change(best))"
    case .ambiguous:
      let others = rivals.prefix(3).map { "or \($0.cause.text)" }.joined(separator: ", ")
      return "ambiguous: \(place)\(best.cause.text), \(others)"
    case .suggestion: return "perhaps \(place)\(best.cause.text)"
    }
  }

  /// The operation's name, unless the text begins with it: `GELU by tanh here …`.
  private var named: String {
    let text = best.cause.text.filter { $0 != " " }.lowercased()
    let isSentence = ["the ", "in the ", "there "].contains { best.cause.text.hasPrefix($0) }
    return isSentence || text.hasPrefix(kind.lowercased()) ? "" : "\(kind) "
  }

  /// What a candidate does to the noise ratio: ` (noise ratio 61 → 1.0)`; empty for a suggestion.
  func change(_ candidate: Candidate) -> String {
    guard let ratio = candidate.ratio else { return "" }
    guard !ratioBefore.isNaN else { return " (then noise ratio \(Format.ratio(ratio)))" }
    return " (noise ratio \(Format.ratio(ratioBefore)) → \(Format.ratio(ratio)))"
  }

  /// Where the same was found: the modules' names, the model's outputs by their own.
  var alikeNames: [String] {
    var seen: Set<String> = [path == .root ? layer.description : path.name]
    return alike.map { $0.path == .root ? $0.layer.description : $0.path.name }
      .filter { seen.insert($0).inserted }
  }
}
