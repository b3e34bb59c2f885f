import Synchronization
import WeighbridgeCauses
import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeVerdicts

/// What is known of a reference that a right model may differ from because of how it was recorded.
struct RecordingEvidence: Sendable {
  let reference: Reference
  /// What was found so far, every status decided.
  let result: ParityResult
  /// The layers that fail by themselves, in execution order.
  let suspects: [Suspect]
  /// Every module with parameters.
  let parameterized: [(path: ModulePath, parameters: [ModuleParameter])]
  /// What modules return here in a run on the model's own results, where it may be needed.
  let outputs: [ActivationKey: Tensor]
  /// Whether ours is what was recorded of a layer, but for rounding.
  let isRight: @Sendable (_ ours: Tensor, _ recorded: ActivationKey) -> Bool

  let order: RecordedOrder
  /// Whether the model's own outputs hold, as it runs here and as a program runs it. Then nothing that
  /// it computes on the way to them can be very wrong, unless they are so few decisions that anything
  /// leads to them.
  let outputsHold: Bool

  init(
    _ reference: Reference, _ result: ParityResult, suspects: [Suspect],
    parameterized: [(path: ModulePath, parameters: [ModuleParameter])],
    outputs: [ActivationKey: Tensor], leastBits: Double,
    isRight: @escaping @Sendable (Tensor, ActivationKey) -> Bool
  ) {
    self.reference = reference
    self.result = result
    self.suspects = suspects
    self.parameterized = parameterized
    self.outputs = outputs
    self.isRight = isRight
    order = RecordedOrder(reference.keys)
    outputsHold = Self.outputsHold(result) && Self.outputBits(reference) >= leastBits
  }

  private static func outputsHold(_ result: ParityResult) -> Bool {
    let all = result.outputs + result.production
    return !result.outputs.isEmpty && all.allSatisfy { $0.cumulative?.holds == true }
  }

  private static func outputBits(_ reference: Reference) -> Double {
    (0..<reference.outputCount).reduce(0) { sum, index in
      sum + ((try? Decisions.bits(reference.output(index))) ?? 0)
    }
  }

  /// Whether a layer is right in the run on the model's own results.
  func holds(_ key: ActivationKey) -> Bool { result.layer(key)?.cumulative?.holds == true }

  /// What was recorded of a layer, where it is whole.
  func recorded(_ key: ActivationKey) -> Tensor? {
    (try? reference.tensor(key)).flatMap { $0 }
  }

  /// Whether a module's class is recorded.
  func hasClass(_ path: ModulePath) -> Bool {
    reference.conditions.classes[path.name] != nil
  }

  /// Whether a module is one of PyTorch's own: its class says so, or is not recorded.
  func isPyTorchs(_ path: ModulePath) -> Bool {
    reference.conditions.classes[path.name]?.hasPrefix("torch.nn.modules.") ?? true
  }
}

/// Keeps what the modules of some shapes return in a run on the model's own results.
final class OutputsProbe: Probe {
  /// The largest tensor that is kept.
  private static let limit = 1 << 22
  private let shapes: Set<Shape>
  private let kept = Mutex([ActivationKey: Tensor]())

  init(_ shapes: Set<Shape>) { self.shapes = shapes }

  var outputs: [ActivationKey: Tensor] { kept.withLock { $0 } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let output = try forward(input)
    let tensors = output.tensors
    for (index, tensor) in tensors.enumerated()
    where module.path != .root && shapes.contains(tensor.shape)
      && tensor.elementCount <= Self.limit
    {
      let key = ActivationKey(module.path, call: call, item: tensors.count > 1 ? index : nil)
      kept.withLock { $0[key] = tensor }
    }
    return output
  }
}

/// A fault of the recording and the layers at which it shows.
struct RecordingFault: Sendable {
  let cause: Cause
  let certainty: Diagnosis.Certainty
  let key: ActivationKey
  /// Further layers that it explains.
  let alike: Set<ActivationKey>

  init(
    _ cause: Cause, _ key: ActivationKey, _ certainty: Diagnosis.Certainty = .likely,
    alike: Set<ActivationKey> = []
  ) {
    (self.cause, self.key, self.certainty, self.alike) = (cause, key, certainty, alike)
  }

  /// As a cause of a failure.
  func diagnosis(_ result: ParityResult) -> Diagnosis {
    let layer = result.layer(key)
    return Diagnosis(
      path: key.path, call: key.call, kind: layer?.kind ?? "recording", layer: key.line,
      certainty: certainty, best: .init(cause: cause, ratio: nil),
      ratioBefore: (layer?.isolated ?? layer?.cumulative)?.judgement.ratio ?? .nan, rivals: [])
  }
}
