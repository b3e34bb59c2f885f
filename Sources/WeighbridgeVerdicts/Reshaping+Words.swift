import WeighbridgeReferences

extension Reshaping {
  /// `recorded as 2×10×1×1, here 2×10: flatten(1) leads from one to the other`.
  package var text: String {
    "recorded as \(Format.shape(recorded.dimensions)), here \(Format.shape(ours.dimensions)): "
      + "\(step) makes ours of it"
  }
}
