import Foundation
import WeighbridgeCheckpoints
import WeighbridgeModules

/// What a reference says about how it was made. Every part is optional.
public struct ReferenceMetadata: Sendable, Hashable {
  /// What recorded it: `torch 2.13.0`.
  public var framework: String?
  /// The architecture's id.
  public var model: String?
  /// The constructor arguments, as text that `--config` would take.
  public var configuration: [String: String] = [:]

  public init() {}

  /// Reads the JSON object.
  ///
  /// - Throws: `malformed` when it is none, or a value is of the wrong kind.
  init(json: String, file: String) throws {
    func fail(_ message: String) -> WeighbridgeError {
      WeighbridgeError(
        .malformed, message, file: file, entry: "metadata",
        remedy: #"It is JSON like {"framework": "torch 2.x", "model": "vit", "config": {"heads": 8}}"#)
    }
    guard let parsed = try? JSONSerialization.jsonObject(with: Data(json.utf8)),
      let object = parsed as? [String: Any]
    else { throw fail("the metadata is not a JSON object") }
    framework = object["framework"] as? String
    if let value = object["model"], !(value is NSNull) {
      guard let name = value as? String else { throw fail("the metadata's model is not text") }
      model = name
    }
    guard let config = object["config"], !(config is NSNull) else { return }
    guard let values = config as? [String: Any] else {
      throw fail("the metadata's config is not a JSON object")
    }
    for (key, value) in values { configuration[key] = try Self.text(value, orThrow: fail) }
  }

  private static func text(
    _ value: Any, orThrow fail: (String) -> WeighbridgeError
  ) throws -> String {
    switch value {
    case let text as String: return text
    case is NSNull: return "none"
    case let number as NSNumber:
      if CFBooleanKind.isBoolean(number) { return number.boolValue ? "true" : "false" }
      if let integer = Int(exactly: number.doubleValue) { return "\(integer)" }
      return "\(number.doubleValue)"
    default: throw fail("the metadata's config has a value that is neither text nor number")
    }
  }

  /// The metadata of a file: text beside the tensors, or a tensor of bytes.
  ///
  /// - Throws: `malformed`.
  init(of checkpoint: any Checkpoint) throws {
    if let text = checkpoint.metadata["metadata"] {
      try self.init(json: text, file: checkpoint.path)
    } else if let entry = checkpoint.entry("metadata") {
      let tensor = try checkpoint.tensor(entry.name)
      guard tensor.dtype == .uint8 || tensor.dtype == .int8 else {
        throw WeighbridgeError(
          .malformed, "the metadata is an array of \(tensor.dtype), not text",
          file: checkpoint.path, entry: "metadata")
      }
      let text = try tensor.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      try self.init(json: text, file: checkpoint.path)
    } else {
      self.init()
    }
  }
}

/// Tells JSON's booleans from its numbers, which share a class.
private enum CFBooleanKind {
  static func isBoolean(_ number: NSNumber) -> Bool {
    let type = String(cString: number.objCType)
    return type == "c" || type == "B"
  }
}
