import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences

/// Why a layer is wrong, as far as rerunning it on the recorded input can tell.
public struct Diagnosis: Sendable, Hashable {
  /// How sure it is.
  public enum Certainty: String, Sendable, Hashable {
    /// With this change the recorded output comes out, and with no other that was tried.
    case likely
    /// Several changes give the recorded output.
    case ambiguous
    /// Not rerun: what is seen in the parameters themselves. Or what a few decisions tell, zeros and ones
    /// that other changes would give, too.
    case suggestion
  }

  /// A cause and the noise ratio of the layer when it is put right.
  public struct Candidate: Sendable, Hashable {
    /// What is different, and what puts it right.
    public var cause: Cause
    /// `nil` for a suggestion.
    public var ratio: Double?

    package init(cause: Cause, ratio: Double?) { (self.cause, self.ratio) = (cause, ratio) }
  }

  /// The module to blame: the layer's own, or one around it that computes the layer's input.
  public var path: ModulePath
  /// How often the module was called before: 0, 1, 2 …
  public var call: Int
  /// The operation's name.
  public var kind: String
  /// The layer where it shows.
  public var layer: Line
  /// How sure the cause is.
  public var certainty: Certainty
  /// The cause that explains it best.
  public var best: Candidate
  /// The noise ratio as it is.
  public var ratioBefore: Double
  /// The others that would explain it as well.
  public var rivals: [Candidate]
  /// The same of other layers.
  public var alike: [Diagnosis] = []

  package init(
    path: ModulePath, call: Int, kind: String, layer: Line, certainty: Certainty,
    best: Candidate, ratioBefore: Double, rivals: [Candidate]
  ) {
    (self.path, self.call, self.kind, self.layer) = (path, call, kind, layer)
    (self.certainty, self.best, self.rivals) = (certainty, best, rivals)
    self.ratioBefore = ratioBefore
  }
}

extension Diagnosis {
  /// A module's path in words.
  package static func name(of path: ModulePath) -> String {
    path == .root ? "the model" : path.name
  }
}
