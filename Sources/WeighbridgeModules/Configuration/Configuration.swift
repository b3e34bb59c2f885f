import WeighbridgeTensors

/// A value of a configuration key: the constructor arguments of an architecture.
public enum ConfigurationValue: Sendable, Hashable {
  /// A whole number.
  case integer(Int)
  /// A finite number.
  case number(Double)
  /// Python's `True` or `False`.
  case boolean(Bool)
  /// One of a choice's words.
  case text(String)
  /// Python's `None`.
  case none
}

extension ConfigurationValue: CustomStringConvertible {
  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .boolean(let value): "\(value)"
    case .text(let value): value
    case .none: "none"
    }
  }
}

/// One configuration key of an architecture.
public struct ConfigurationKey: Sendable, Hashable {
  /// What a key's values are.
  public enum Kind: Sendable, Hashable {
    /// A whole number.
    case integer
    /// A finite number, such as an ε.
    case number
    /// `true` or `false`, `1` or `0`, `yes` or `no`.
    case boolean
    /// One of the given words.
    case choice([String])
    /// An integer or `none`.
    case optionalInteger
    /// A number or `none`.
    case optionalNumber
  }

  /// The constructor argument's name, as in `--config name=value`.
  public let name: String
  /// Which values `parse` accepts.
  public let kind: Kind
  /// `nil` for a key without default: a checkpoint or the user decides.
  public let defaultValue: ConfigurationValue?
  /// Whether the shapes of a checkpoint determine it.
  public let isInferred: Bool
  /// Whether any result depends on it: some constructors take what they do not use.
  public let hasEffect: Bool
  /// One line on what it is.
  public let summary: String

  /// A key of an architecture.
  ///
  /// - Parameters:
  ///   - name: As the constructor and `--config` name it.
  ///   - kind: Which values it takes.
  ///   - defaultValue: Assumed where nothing else says a value; `nil` when something has to.
  ///   - isInferred: Whether the shapes of a checkpoint determine it.
  ///   - hasEffect: Whether any result depends on it.
  ///   - summary: One line for listings.
  public init(
    _ name: String, _ kind: Kind, default defaultValue: ConfigurationValue?,
    inferred isInferred: Bool = false, hasEffect: Bool = true, _ summary: String
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.isInferred = isInferred
    self.hasEffect = hasEffect
    self.summary = summary
  }

  /// The value that a user's text stands for.
  ///
  /// - Throws: `usage` when the text is not of the key's kind.
  public func parse(_ text: String) throws -> ConfigurationValue {
    let lower = text.lowercased()
    switch kind {
    case .integer:
      if let value = Int(text) { return .integer(value) }
    case .number:
      if let value = Double(text), value.isFinite { return .number(value) }
    case .boolean:
      if ["true", "1", "yes"].contains(lower) { return .boolean(true) }
      if ["false", "0", "no"].contains(lower) { return .boolean(false) }
    case .choice(let words):
      if words.contains(lower) { return .text(lower) }
    case .optionalInteger:
      if ["none", "null"].contains(lower) { return .none }
      if let value = Int(text) { return .integer(value) }
    case .optionalNumber:
      if ["none", "null"].contains(lower) { return .none }
      if let value = Double(text), value.isFinite { return .number(value) }
    }
    throw WeighbridgeError(
      .usage, "the configuration key \(name) takes \(kind.words), not '\(text)'")
  }
}

extension ConfigurationKey.Kind {
  /// The values in words, for help and errors.
  public var words: String {
    switch self {
    case .integer: "an integer"
    case .number: "a number"
    case .boolean: "true or false"
    case .choice(let words): words.joined(separator: "|")
    case .optionalInteger: "an integer or none"
    case .optionalNumber: "a number or none"
    }
  }
}

/// The values of an architecture's configuration keys, and where each came from.
public struct Configuration: Sendable, Hashable {
  /// Where a value came from; later ones win, but shapes are never overruled, only contradicted.
  public enum Origin: String, Sendable, Hashable {
    /// The key's default.
    case assumed
    /// From the shapes of a checkpoint.
    case inferred
    /// From the metadata of a file.
    case metadata
    /// By the user.
    case given
  }

  /// A value of a key and where it came from.
  public struct Entry: Sendable, Hashable {
    /// What the model is built with.
    public var value: ConfigurationValue
    /// Who said so last.
    public var origin: Origin
    /// Another value that something else states, and that the user's replaced.
    public var overruled: Overruled?

    /// A value, and what it overrules if it does.
    public init(value: ConfigurationValue, origin: Origin, overruled: Overruled? = nil) {
      self.value = value
      self.origin = origin
      self.overruled = overruled
    }
  }

  /// A value that the user's replaced.
  public struct Overruled: Sendable, Hashable {
    /// The value.
    public var value: ConfigurationValue
    /// Who stated it, for people: `the reference`.
    public var owner: String

    /// A value and who stated it.
    public init(_ value: ConfigurationValue, of owner: String) {
      self.value = value
      self.owner = owner
    }
  }

  /// The architecture's id.
  public let architecture: String
  /// Every key of the architecture, in the order of its listing.
  public let keys: [ConfigurationKey]
  /// The values by key; a key without default has none until it is set or inferred.
  public private(set) var entries: [String: Entry] = [:]

  /// The defaults of an architecture.
  public init(architecture: String, keys: [ConfigurationKey]) {
    self.architecture = architecture
    self.keys = keys
    for key in keys {
      if let value = key.defaultValue { entries[key.name] = Entry(value: value, origin: .assumed) }
    }
  }

  /// Sets a value that the user or a file's metadata gives.
  ///
  /// - Parameter overruled: What something else states, where the user says otherwise.
  /// - Throws: `usage` for an unknown key.
  public mutating func set(
    _ name: String, _ value: ConfigurationValue, origin: Origin,
    overruling overruled: Overruled? = nil
  ) throws {
    guard keys.contains(where: { $0.name == name }) else {
      let known = keys.map(\.name).joined(separator: ", ")
      let meant = Spelling.meant(name, in: keys.map(\.name))
      let hint = meant.isEmpty ? "" : "Did you mean \(meant.joined(separator: " or "))? "
      throw WeighbridgeError(
        .usage, "\(architecture) has no configuration key '\(name)'",
        remedy: "\(hint)Its keys are \(known.isEmpty ? "none" : known)")
    }
    entries[name] = Entry(value: value, origin: origin, overruled: overruled)
  }

  /// Sets a value that the checkpoint's shapes determine.
  ///
  /// - Parameter evidence: What shows it, such as `fc.weight [7, 2048]`.
  /// - Throws: `mapping` when the user or the metadata said otherwise; both are named.
  public mutating func infer(
    _ name: String, _ value: ConfigurationValue, evidence: @autoclosure () -> String
  ) throws {
    if let entry = entries[name], entry.origin == .given || entry.origin == .metadata,
      entry.value != value
    {
      let isGiven = entry.origin == .given
      throw WeighbridgeError(
        .mapping,
        "\(isGiven ? "the configuration" : "the metadata") says \(name)=\(entry.value), "
          + "the checkpoint says \(name)=\(value) (\(evidence()))",
        remedy: isGiven
          ? "Leave \(name) out or use the checkpoint that fits it"
          : "Use the checkpoint that belongs to the metadata, unless that tensor is transposed: "
            + "then a rule of \(Setting.rules) puts it right")
    }
    if let entry = entries[name], entry.origin == .given || entry.origin == .metadata { return }
    entries[name] = Entry(value: value, origin: .inferred)
  }

  /// Sets an integer that the checkpoint's shapes determine.
  ///
  /// - Parameter evidence: What shows it, such as `fc.weight [7, 2048]`.
  /// - Throws: `mapping` when the user or the metadata said otherwise.
  public mutating func infer(
    _ name: String, _ value: Int, evidence: @autoclosure () -> String
  ) throws {
    try infer(name, .integer(value), evidence: evidence())
  }

  /// An integer value.
  ///
  /// - Throws: `usage` when there is none.
  public func integer(_ name: String) throws -> Int {
    switch entries[name]?.value {
    case .integer(let value)?: return value
    default: throw missing(name)
    }
  }

  /// A number; integers count.
  ///
  /// - Throws: `usage` when there is none.
  public func number(_ name: String) throws -> Double {
    switch entries[name]?.value {
    case .number(let value)?: return value
    case .integer(let value)?: return Double(value)
    default: throw missing(name)
    }
  }

  /// A number, or `nil` for `none`.
  ///
  /// - Throws: `usage` when there is none.
  public func optionalNumber(_ name: String) throws -> Double? {
    if entries[name]?.value == ConfigurationValue.none { return nil }
    return try number(name)
  }

  /// An integer, or `nil` for `none`.
  ///
  /// - Throws: `usage` when there is none.
  public func optionalInteger(_ name: String) throws -> Int? {
    if entries[name]?.value == ConfigurationValue.none { return nil }
    return try integer(name)
  }

  /// A truth value.
  ///
  /// - Throws: `usage` when there is none.
  public func boolean(_ name: String) throws -> Bool {
    switch entries[name]?.value {
    case .boolean(let value)?: return value
    default: throw missing(name)
    }
  }

  /// One of a choice's words.
  ///
  /// - Throws: `usage` when there is none.
  public func text(_ name: String) throws -> String {
    switch entries[name]?.value {
    case .text(let value)?: return value
    default: throw missing(name)
    }
  }

  private func missing(_ name: String) -> WeighbridgeError {
    WeighbridgeError(
      .usage, "\(architecture) needs a value for the configuration key \(name)",
      remedy: "Add \(Setting.configuration(name, "<value>"))")
  }
}

extension Configuration: CustomStringConvertible {
  /// One line, in the order of the keys: `heads=8 (assumed), depth=6 (inferred)`.
  public var description: String {
    keys.compactMap { key in
      entries[key.name].map { "\(key.name)=\($0.value) (\($0.origin.rawValue))" }
    }.joined(separator: ", ")
  }
}
