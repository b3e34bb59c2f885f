import WeighbridgeModules
import WeighbridgeTensors

/// What a file says about the model that it belongs to: a reference's `metadata`, or a native file's.
///
/// A reference's text is `{"framework": "torch 2.x", "model": id, "config": {...}}`.
public struct RecordedMetadata: Sendable, Hashable {
  /// What recorded it.
  public var framework: String?
  /// The architecture's id.
  public var model: String?
  /// The configuration, as text by key; `nil` for Python's `None`.
  package var config: [(key: String, value: JSONDocument)]

  package init(
    framework: String? = nil, model: String? = nil, config: [(key: String, value: JSONDocument)] = []
  ) {
    self.framework = framework
    self.model = model
    self.config = config
  }

  /// The metadata in JSON text.
  ///
  /// - Throws: `malformed` when it is no JSON object, or `config` is none.
  public init(json text: String) throws {
    let document = try JSONDocument(parsing: text)
    guard case .object = document else {
      throw WeighbridgeError(.malformed, "the metadata is no JSON object", entry: "metadata")
    }
    framework = document["framework"]?.stringValue
    model = document["model"]?.stringValue
    switch document["config"] {
    case .object(let members)?: config = members.map { ($0.key, $0.value) }
    case nil, .null?: config = []
    default:
      throw WeighbridgeError(.malformed, "the metadata's config is no object", entry: "metadata")
    }
  }

  public static func == (a: RecordedMetadata, b: RecordedMetadata) -> Bool {
    a.framework == b.framework && a.model == b.model
      && a.config.map(\.key) == b.config.map(\.key) && a.config.map(\.value) == b.config.map(\.value)
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

extension ConfigurationKey {
  /// A recorded value as one of this key's; `nil` for `null` where the key has no `none`.
  ///
  /// - Throws: `usage` when it is of another kind.
  package func value(of document: JSONDocument) throws -> ConfigurationValue? {
    switch document {
    case .null:
      switch kind {
      case .optionalInteger, .optionalNumber: return ConfigurationValue.none
      default: return nil
      }
    case .boolean(let value): return try parse("\(value)")
    case .integer(let value): return try parse("\(value)")
    case .number(let value):
      let isWhole = kind == .integer || kind == .optionalInteger
      return try parse(isWhole ? Int(exactly: value).map { "\($0)" } ?? "\(value)" : "\(value)")
    case .string(let value): return try parse(value)
    case .array, .object:
      throw WeighbridgeError(
        .usage, "the configuration key \(name) takes \(kind.words), not a list")
    }
  }
}

extension ConfigurationValue {
  /// The value as JSON.
  package var json: JSONDocument {
    switch self {
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .boolean(let value): .boolean(value)
    case .text(let value): .string(value)
    case .none: .null
    }
  }
}

extension Configuration {
  /// The values in the order of the keys, as JSON.
  package var json: JSONDocument {
    .object(
      keys.compactMap { key in entries[key.name].map { .init(key.name, $0.value.json) } })
  }
}
