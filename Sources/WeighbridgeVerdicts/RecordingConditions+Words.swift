import WeighbridgeReferences

extension RecordingConditions {
  /// What was odd about the metadata and not used.
  package var notes: [String] {
    unknownDTypes.isEmpty
      ? []
      : [
        "dtypes in the metadata that are not known were ignored: \(Names.listed(unknownDTypes))"
      ]
  }
}
