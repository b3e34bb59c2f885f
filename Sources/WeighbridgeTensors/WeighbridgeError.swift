/// The one error type of Weighbridge: what happened, in which file, at which entry, and what to do.
///
/// Errors are data: the command turns `code` into its exit status and prints `description`, one line.
public struct WeighbridgeError: Error, Sendable, Hashable {
  /// The kind of failure. It decides the command's exit status.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// The command was called wrongly, or a configuration cannot be.
    case usage
    /// Names do not map one to one, or shapes contradict a configuration.
    case mapping
    /// A file cannot be opened or read.
    case unreadable
    /// A file's content breaks its format, or promises more than it holds.
    case malformed
    /// A file is well formed but uses something that is not supported.
    case unsupported
    /// A file cannot be written.
    case unwritable
    /// Tensors do not fit the operator, or a model its inputs.
    case shape
    /// A library that computes failed.
    case engine

    /// The command's exit status for this kind of failure.
    public var exitStatus: Int32 {
      switch self {
      case .usage: 64
      case .mapping: 2
      // 1 says that something was compared and differs.
      case .unreadable, .malformed, .unsupported, .unwritable, .engine: 3
      case .shape: 2
      }
    }
  }

  /// What went wrong, for programs.
  public var code: Code
  /// What is wrong, without the file's name.
  public var message: String
  /// The file at fault.
  public var file: String?
  /// The entry (tensor, parameter, module path) at fault.
  public var entry: String?
  /// What the user can do about it.
  public var remedy: String?

  /// - Parameters:
  ///   - code: Decides the command's exit status.
  ///   - message: A clause without the file's name.
  ///   - file: The path of the file at fault.
  ///   - entry: The tensor, parameter or module path at fault.
  ///   - remedy: What the user can do about it, a sentence without a full stop.
  public init(
    _ code: Code, _ message: String, file: String? = nil, entry: String? = nil,
    remedy: String? = nil
  ) {
    self.code = code
    self.message = message
    self.file = file
    self.entry = entry
    self.remedy = remedy
  }

  /// The same error with the file and entry filled in where they were unknown.
  public func located(file: String? = nil, entry: String? = nil) -> WeighbridgeError {
    var copy = self
    copy.file = copy.file ?? file
    copy.entry = copy.entry ?? entry
    return copy
  }
}

extension WeighbridgeError: CustomStringConvertible {
  /// One line of bounded length: `FILE: ENTRY: MESSAGE. REMEDY`. Control and bidirectional characters
  /// are escaped; an entry's name or a message of unusual length loses its middle.
  public var description: String {
    let parts = [
      file?.escapingControlCharacters(upTo: 4096),
      entry?.escapingControlCharacters(upTo: String.longestShown),
      message.escapingControlCharacters(upTo: 1000),
    ]
    var line = parts.compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ": ")
    if let remedy {
      line +=
        (line.utf8.last == UInt8(ascii: ".") ? " " : ". ")
        + remedy.escapingControlCharacters(upTo: 1000)
    }
    return line
  }
}
