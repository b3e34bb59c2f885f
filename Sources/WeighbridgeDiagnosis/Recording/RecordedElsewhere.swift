import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences

/// Values that were recorded too late, or under another name.
extension RecordingSigns {
  /// The functions that PyTorch's modules compute in place.
  private static let inPlaceFunctions: [Activation] = [
    .relu, .relu6, .leakyReLU(slope: 0.01), .silu, .hardSwish, .hardSigmoid, .elu(alpha: 1),
  ]

  /// Hooks that kept no copy: a layer's recorded values are what a later step made of them in place.
  static func inPlace(_ evidence: RecordingEvidence) -> [RecordingFault] {
    evidence.suspects.compactMap { suspect in
      overwritten(suspect, evidence) ?? rectified(suspect, evidence)
    }
  }

  /// The recorded values are, bit by bit, those of a later module that is right here though this one is
  /// not, and ours of the two are not the same.
  private static func overwritten(
    _ suspect: Suspect, _ evidence: RecordingEvidence
  ) -> RecordingFault? {
    let key = suspect.key
    guard evidence.isPyTorchs(key.path), evidence.order.isOfReturn, !evidence.holds(key),
      let recorded = evidence.recorded(key), let ours = evidence.outputs[key]
    else { return nil }
    let later = evidence.reference.keys.first { other in
      evidence.order.mayPrecede(key, other) && other != key && evidence.holds(other)
        && evidence.recorded(other).map { $0.hasSameValues(as: recorded) } == true
        && evidence.outputs[other].map { !$0.isNear(ours) } == true
    }
    guard let later else { return nil }
    return fault(key, "\(later)")
  }

  /// A layer that has no activation of its own was recorded with one.
  private static func rectified(
    _ suspect: Suspect, _ evidence: RecordingEvidence
  ) -> RecordingFault? {
    let key = suspect.key
    // Without its class, the layer may be another one there.
    guard suspect.isBuiltIn, !suspect.own.parameters.isEmpty, evidence.isPyTorchs(key.path),
      evidence.hasClass(key.path) || evidence.outputsHold, let recorded = evidence.recorded(key),
      let result = try? suspect.own.unchanged(key), result.shape == recorded.shape,
      !result.hasZeros
    else { return nil }
    let function = inPlaceFunctions.first { function in
      (try? result.activated(function)).map { evidence.isRight($0, key) } == true
    }
    guard let function else { return nil }
    return fault(key, "a \(function.word) in place")
  }

  private static func fault(_ key: ActivationKey, _ step: String) -> RecordingFault {
    RecordingFault(
      Cause(
        .recordingInPlace,
        "the recorded values of \(key) are those after \(step), which changed them: the hook kept no "
          + "copy",
        fix: .code("copy in the hook, output.detach().clone(), and record again")), key)
  }

  /// What is recorded under a layer's name is what another module returns here, which is not recorded
  /// under its own, while the model's own outputs are right.
  static func otherNames(_ evidence: RecordingEvidence) -> [RecordingFault] {
    guard evidence.outputsHold else { return [] }
    return evidence.suspects.compactMap { suspect in
      let key = suspect.key
      guard let recorded = evidence.recorded(key), !evidence.holds(key),
        !evidence.reference.isSampled(key)
      else { return nil }
      let candidates = evidence.outputs.filter { other, tensor in
        other.path != key.path && tensor.shape == recorded.shape && !evidence.holds(other)
          && evidence.isRight(tensor, key)
      }
      guard let other = candidates.keys.min(by: { $0.path < $1.path }) else { return nil }
      return RecordingFault(
        Cause(
          .recordingNames, "what is recorded as \(key) is what \(other) returns",
          fix: .code("name activations by named_modules() of the network that runs")), key)
    }
  }

  /// A layer that differs from its recording although all that the model returns is right, and nothing
  /// explains it.
  static func unexplained(
    _ key: ActivationKey, _ evidence: RecordingEvidence
  ) -> RecordingFault? {
    guard evidence.outputsHold, !evidence.holds(key) else { return nil }
    return RecordingFault(
      Cause(
        .recordingSuspect,
        "all outputs of the model are right: what was recorded as \(key) may not be what it returned",
        fix: .code("record \(key) again, with a copy made in the hook")), key, .suggestion)
  }
}

extension Tensor {
  /// Whether some element is exactly 0.
  fileprivate var hasZeros: Bool {
    (try? converted(to: .float32).elements(as: Float.self))?.contains(0) ?? true
  }
}
