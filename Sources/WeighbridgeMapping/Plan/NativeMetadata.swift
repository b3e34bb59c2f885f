import WeighbridgeCheckpoints
import WeighbridgeTensors
import WeighbridgeWeights

extension RecordedMetadata {
  /// What a native weight file says about its model; `nil` for any other file.
  ///
  /// - Throws: `malformed` when its configuration is no JSON object.
  package init?(native checkpoint: any Checkpoint) throws {
    guard let manifest = (checkpoint as? SafetensorsCheckpoint)?.native?.manifest else {
      return nil
    }
    do {
      guard case .object(let members) = try JSONDocument(parsing: manifest.configuration) else {
        throw WeighbridgeError(.malformed, "the native file's configuration is no JSON object")
      }
      self.init(
        framework: nil, model: manifest.architecture, config: members.map { ($0.key, $0.value) })
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path)
    }
    rulesDigest = manifest.notes[NativeManifest.rulesKey]
    let assumed = manifest.notes[NativeManifest.assumedKey] ?? ""
    self.assumed = Set(assumed.split(separator: ",").map(String.init))
  }
}

extension NativeManifest {
  /// The note that keeps the digest of the rules that were applied when the file was written.
  package static let rulesKey = "rules_sha256"
  /// The note that keeps the rules themselves, in YAML.
  package static let rulesTextKey = "rules"
  /// The note that says what the tensors stood under in the source: `state_dict.module`.
  package static let rootKey = "root"
  /// The note that names the configuration's keys that nobody had said anything about, with commas.
  package static let assumedKey = "assumed"
  /// The notes that only a native file's reader understands.
  package static let ownNotes: Set<String> = [rulesKey, rulesTextKey, rootKey, assumedKey]
}

extension Rules {
  /// The SHA-256 of the rules as they are written.
  package var digest: String {
    Array(yaml.utf8).withUnsafeBytes { SHA256Sum.hexadecimal($0) }
  }
}
