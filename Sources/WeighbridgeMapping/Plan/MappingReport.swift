import WeighbridgeTensors

/// How a checkpoint fits a model: everything at once.
public struct MappingReport: Sendable, Hashable {
  /// A parameter that has its tensor.
  public struct Match: Sendable, Hashable {
    public let parameter: String
    /// The file's entries: `a`, or `a + b`.
    public let source: String
    public let shape: Shape
    public let dtype: DType
    /// What rules do to the entry; `nil` when it is used as it is.
    public let transform: String?
  }

  /// A parameter without a tensor.
  public struct Missing: Sendable, Hashable {
    public let parameter: String
    public let shape: Shape
    /// Why it cannot be used, when an entry of the name is there after all.
    public let reason: String?
  }

  /// A tensor that the model does not ask for.
  public struct Unexpected: Sendable, Hashable {
    public let name: String
    public let source: String
    public let shape: Shape
    public let dtype: DType
  }

  /// A parameter whose tensor is of another shape or dtype.
  public struct Mismatch: Sendable, Hashable {
    public let parameter: String
    public let source: String
    public let expected: Shape
    public let found: Shape
    /// What is wrong, as a clause.
    public let reason: String
  }

  /// A parameter that is loaded and can change no output.
  public struct Dead: Sendable, Hashable {
    public let name: String
    public let reason: String
  }

  /// What was probably meant.
  public struct Suggestion: Sendable, Hashable {
    public let parameter: String
    public let source: String
    public let reason: String
    /// The rule that does it.
    public let rule: Rule
  }

  public internal(set) var matched: [Match] = []
  public internal(set) var missing: [Missing] = []
  public internal(set) var unexpected: [Unexpected] = []
  public internal(set) var mismatched: [Mismatch] = []
  public internal(set) var collisions: [Collision] = []
  public internal(set) var dead: [Dead] = []
  /// Entries left out by a rule.
  public internal(set) var dropped: [Dead] = []
  /// What was recognised, done or assumed.
  public internal(set) var notes: [String] = []
  public internal(set) var suggestions: [Suggestion] = []
  /// The architectures that the names and shapes show, where they show another than the one that was
  /// asked for.
  public internal(set) var resembles: [String] = []

  /// Whether every parameter has one tensor and every tensor one parameter.
  public var isOneToOne: Bool {
    missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && collisions.isEmpty
  }

  /// How many things are wrong.
  var problemCount: Int {
    missing.count + unexpected.count + mismatched.count + collisions.count
  }

  /// Whether the file is probably of another network: hardly a parameter has a tensor, and the file
  /// has tensors enough that have no parameter.
  public var isForeign: Bool {
    let found = matched.count + mismatched.count
    return !missing.isEmpty && found * 5 < missing.count && unexpected.count > found
      && matched.count * 5 < missing.count
  }

  /// The error for a mapping that is not one to one; `nil` for one that is.
  public func error(file: String?) -> WeighbridgeError? {
    guard !isOneToOne else { return nil }
    var parts: [String] = []
    if let first = missing.first {
      parts.append("\(missing.count) missing (\(first.parameter)\(missing.count > 1 ? ", …" : ""))")
    }
    if let first = unexpected.first {
      parts.append(
        "\(unexpected.count) unexpected (\(first.source)\(unexpected.count > 1 ? ", …" : ""))")
    }
    if let first = mismatched.first {
      parts.append(
        "\(mismatched.count) that do not fit (\(first.parameter): \(first.reason)"
          + "\(mismatched.count > 1 ? ", …" : ""))")
    }
    if let first = collisions.first {
      parts.append(
        "\(collisions.count) with several sources (\(first.name): "
          + "\(first.sources.joined(separator: ", ")))")
    }
    guard isForeign else {
      return WeighbridgeError(
        .mapping, "the names do not map one to one: \(parts.joined(separator: ", "))", file: file,
        remedy: "`weighbridge map` lists them all")
    }
    let wanted = missing.count + mismatched.count + matched.count
    return WeighbridgeError(
      .mapping,
      "is probably not of this architecture: \(matched.count) of \(wanted) parameters match, "
        + parts.joined(separator: ", "),
      file: file,
      remedy: resembles.isEmpty
        ? "Say which it is with --model ID, or rename its tensors with --rules"
        : "By names and shapes it is \(resembles.joined(separator: " or ")): "
          + "--model \(resembles[0])")
  }
}
