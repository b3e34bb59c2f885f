import WeighbridgeCauses
import WeighbridgeModules

/// Why a layer is wrong, as far as rerunning it on the recorded input can tell.
public struct Diagnosis: Sendable, Hashable {
  /// How sure it is.
  public enum Certainty: String, Sendable, Hashable {
    /// With this change the recorded output comes out, and with no other that was tried.
    case likely
    /// Several changes give the recorded output.
    case ambiguous
    /// Not rerun: what is seen in the parameters themselves.
    case suggestion
  }

  /// A cause and the noise ratio of the layer when it is put right.
  public struct Candidate: Sendable, Hashable {
    public var cause: Cause
    /// `nil` for a suggestion.
    public var ratio: Double?
  }

  /// The module to blame: the layer's own, or one around it that computes the layer's input.
  public var path: ModulePath
  public var call: Int
  /// The operation's name.
  public var kind: String
  /// The layer where it shows.
  public var layer: ActivationKey
  public var certainty: Certainty
  public var best: Candidate
  /// The noise ratio as it is.
  public var ratioBefore: Double
  /// The others that would explain it as well.
  public var rivals: [Candidate]
  /// The same of other layers.
  public var alike: [Diagnosis] = []
}

extension Diagnosis {
  /// In one line: `LayerNorm eps is 1e-05 here and 1e-06 in the reference (noise ratio 61 → 1.0)`.
  public var summary: String {
    let place = path == layer.path ? named : "\(Diagnosis.name(of: path)): "
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

  /// A module's path in words.
  static func name(of path: ModulePath) -> String { path == .root ? "the model" : path.name }

  /// A layer's or an output's name.
  static func name(of layer: ActivationKey) -> String {
    layer.path == Validator.outputKey(0).path
      ? "outputs/\(layer.item ?? 0)" : layer.description
  }

  /// Where the same was found: the modules' names, the model's outputs by their own.
  var alikeNames: [String] {
    var seen: Set<String> = path == .root ? [Diagnosis.name(of: layer)] : []
    return alike.map { $0.path == .root ? Diagnosis.name(of: $0.layer) : $0.path.name }
      .filter { seen.insert($0).inserted }
  }
}
