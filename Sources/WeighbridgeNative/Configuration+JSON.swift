import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights

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
