import WeighbridgeCheckpoints
import WeighbridgeTensors

extension RecordedMetadata {
  /// What a native weight file says about its model; `nil` for any other file.
  init?(native checkpoint: any Checkpoint) throws {
    return nil
  }

  /// The digest of the rules that were applied when a native file was written.
  var rulesDigest: String? { nil }
}

extension Rules {
  /// A digest of the rules.
  var digest: String { yaml }
}
