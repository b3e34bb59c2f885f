import WeighbridgeModules

/// How much a verdict saw: what was compared of what was recorded, and of what the model has.
public struct Coverage: Sendable, Hashable {
  /// Tensors that modules returned and that were held against recorded ones.
  public var compared = 0
  /// Activations in the reference.
  public var recorded = 0
  /// Tensors that the model's modules returned.
  public var modules = 0
  /// The model's outputs that were held against recorded ones.
  public var outputs = 0
  /// Outputs in the reference.
  public var recordedOutputs = 0
  /// Outputs of the model.
  public var modelOutputs = 0
  /// Why recorded outputs could not be compared, the first of several reasons.
  package var reason: Ground?

  /// What keeps this from being the whole proof: without it a verdict is no pass, unless that is asked
  /// for.
  public var gaps: [Gap] {
    var gaps: [Gap] = []
    if recordedOutputs == 0 {
      gaps.append(.noOutputs)
    } else if outputs < min(recordedOutputs, max(1, modelOutputs)) {
      gaps.append(.outputs(outputs, of: recordedOutputs, reason))
    }
    if recorded > 0, 2 * compared < recorded {
      gaps.append(.activations(compared, of: recorded))
    }
    return gaps
  }

  package init() {}
}
