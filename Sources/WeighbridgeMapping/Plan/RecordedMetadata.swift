import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights

/// What a file says about the model that it belongs to: a reference's `metadata`, or a native file's.
///
/// A reference's text is `{"framework": "torch 2.x", "model": id, "config": {...}}`.
public struct RecordedMetadata: Sendable, Hashable {
  /// What recorded it.
  public var framework: String?
  /// The architecture's id.
  public var model: String?
  /// The configuration, in the order of the text.
  package var config: [(key: String, value: JSONDocument)]
  /// How large activations were sampled, where they were.
  package var sampling: JSONDocument?
  /// What the recorder saw beside the values: `dtypes`, `autocast`, `not_repeatable`, `classes`.
  package var recording: [String: JSONDocument] = [:]
  /// The pictures that the first input was made of, where it was.
  package var pictures: Pictures?
  /// The digest of the rules that were applied when a native file was written.
  package var rulesDigest: String?
  /// The keys of the configuration that were only assumed when a native file was written.
  package var assumed: Set<String> = []

  /// Pictures, and what was done to them.
  package struct Pictures: Sendable, Hashable {
    package var transform: String
    /// The files' SHA-256 sums, in hexadecimal digits.
    package var sums: [String]
  }

  package init(
    framework: String? = nil, model: String? = nil,
    config: [(key: String, value: JSONDocument)] = []
  ) {
    self.framework = framework
    self.model = model
    self.config = config
  }

  /// The metadata in JSON text.
  ///
  /// - Throws: `malformed` when it is no JSON object, or a member has another type than the recorder
  ///   writes.
  public init(json text: String) throws {
    let document = try JSONDocument(parsing: text)
    guard case .object = document else {
      throw WeighbridgeError(.malformed, "the metadata is no JSON object", entry: "metadata")
    }
    framework = try RecordedMetadata.text("framework", in: document)
    model = try RecordedMetadata.text("model", in: document)
    sampling = document["sampling"]
    for member in ["dtypes", "autocast", "not_repeatable", "classes"] {
      recording[member] = document[member]
    }
    pictures = try RecordedMetadata.pictures(document["pictures"])
    switch document["config"] {
    case .object(let members)?: config = members.map { ($0.key, $0.value) }
    case nil, .null?: config = []
    default:
      throw WeighbridgeError(.malformed, "the metadata's config is no object", entry: "metadata")
    }
  }

  private static func pictures(_ document: JSONDocument?) throws -> Pictures? {
    guard let document, document != .null else { return nil }
    guard let transform = document["transform"]?.stringValue,
      case .array(let sums)? = document["sha256"]
    else {
      throw WeighbridgeError(
        .malformed, "the metadata's pictures have no transform or no sha256", entry: "metadata")
    }
    return Pictures(
      transform: transform,
      sums: try sums.map { sum in
        guard let text = sum.stringValue else {
          throw WeighbridgeError(
            .malformed, "the metadata's sha256 of pictures is no text", entry: "metadata")
        }
        return text
      })
  }

  /// A member that is a text; `nil` where it is missing or null.
  private static func text(_ member: String, in document: JSONDocument) throws -> String? {
    switch document[member] {
    case .string(let text)?: return text
    case nil, .null?: return nil
    default:
      throw WeighbridgeError(
        .malformed, "the metadata's \(member) is no text", entry: "metadata",
        remedy: "Record the reference again, or leave \(member) out")
    }
  }

  public static func == (a: RecordedMetadata, b: RecordedMetadata) -> Bool {
    a.framework == b.framework && a.model == b.model && a.sampling == b.sampling
      && a.recording == b.recording && a.pictures == b.pictures
      && a.config.map(\.key) == b.config.map(\.key)
      && a.config.map(\.value) == b.config.map(\.value)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(framework)
    hasher.combine(model)
    for (key, value) in config {
      hasher.combine(key)
      hasher.combine(value)
    }
  }
}
