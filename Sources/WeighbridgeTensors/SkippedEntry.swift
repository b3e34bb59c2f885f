/// Something in a checkpoint that is not among its tensors. Asking for it by name is an error; the
/// others are usable.
public struct SkippedEntry: Sendable, Hashable {
  /// The name by which it would be asked for.
  public let name: String
  /// Why it is not among the tensors.
  public let reason: SkipReason

  /// Lists an entry beside the tensors, with the reason.
  public init(name: String, reason: SkipReason) {
    self.name = name
    self.reason = reason
  }
}

/// Why an entry is not among the tensors: a kind, for programs, and a clause, for people.
public struct SkipReason: Sendable, Hashable {
  /// What is the matter, so that a program need not read clauses.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Text.
    case text
    /// What no writer of tensors means as one: another file in an archive, a note of the system's.
    case foreign
    /// Pickled Python objects.
    case objects
    /// Elements that have no dtype here.
    case dtype
    /// Compressed, filtered, laid out or encrypted in a way that is not read.
    case encoding
    /// A link that leads nowhere, in a circle or into another file.
    case link
    /// Written by a newer version of the format.
    case version
    /// Several entries have this name.
    case ambiguous
    /// In a shard, and not in the index that says what the checkpoint is.
    case unlisted
    /// It breaks the format, or promises more than it holds.
    case damaged
  }

  /// The kind, for programs.
  public let kind: Kind
  /// Without a subject, `is an array of text`, or with its own, `the header is cut off`: what follows
  /// an entry's name and a colon.
  public let clause: String
  /// What the user can do about it.
  public let remedy: String?

  /// - Parameters:
  ///   - clause: What follows the entry's name and a colon, without a full stop.
  ///   - remedy: What the user can do about it, if anything.
  public init(_ kind: Kind, _ clause: String, remedy: String? = nil) {
    self.kind = kind
    self.clause = clause
    self.remedy = remedy
  }

  /// What an error says about an entry.
  ///
  /// - Parameter kind: For `unsupported` errors; others are damage.
  public init(_ error: WeighbridgeError, unsupported kind: Kind = .encoding) {
    self.init(
      error.code == .unsupported ? kind : .damaged, error.message, remedy: error.remedy)
  }

  /// Whether the entry may be a tensor to the program that wrote it.
  public var mayBeTensor: Bool {
    switch kind {
    case .text, .foreign: false
    case .objects, .dtype, .encoding, .link, .version, .ambiguous, .unlisted, .damaged: true
    }
  }

  /// The error for whoever asks for the entry.
  package func error(file: String, entry: String) -> WeighbridgeError {
    let isDamage = kind == .damaged || kind == .ambiguous
    return WeighbridgeError(
      isDamage ? .malformed : .unsupported, clause, file: file, entry: entry, remedy: remedy)
  }
}

extension SkipReason: CustomStringConvertible {
  public var description: String { clause }
}
