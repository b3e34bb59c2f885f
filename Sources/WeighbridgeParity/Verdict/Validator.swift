import WeighbridgeDiagnosis
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Holds a model against a reference. A plan says which runs are made; what they show is evidence; a
/// judge assigns every line its status from that; the causes of what fails are looked for, and what a
/// pass says nothing of.
public struct Validator: Sendable {
  /// What models are held against.
  public let reference: Reference
  /// How that is done.
  public let options: ValidationOptions
  private let onProgress: (@Sendable (ValidationProgress) -> Void)?

  /// - Parameters:
  ///   - reference: What models are held against.
  ///   - options: How that is done.
  ///   - onProgress: Told how many module calls of a run have returned.
  public init(
    _ reference: Reference, options: ValidationOptions = ValidationOptions(),
    onProgress: (@Sendable (ValidationProgress) -> Void)? = nil
  ) {
    self.reference = reference
    self.options = options
    self.onProgress = onProgress
  }

  /// Judges a model.
  ///
  /// - Parameters:
  ///   - model: Bound in float32. Of a compiled one the module itself is judged, and its production run.
  ///   - oracle: Gives the same model bound in float64; it is asked once at most.
  ///   - rebinding: Builds the model again with some weights changed, to find those that the reference
  ///     cannot show. Without it, parameters of modules that cannot be copied are left out of that.
  /// - Throws: when the reference cannot be read or the model cannot run on its inputs.
  public func validate(
    _ model: any Module, oracle: (() throws -> any Module)? = nil, rebinding: Rebinding? = nil
  ) throws -> ParityResult {
    try reference.computing { try validated(model.uncompiled, oracle, rebinding) }
  }

  private func validated(
    _ model: any Module, _ oracle: (() throws -> any Module)?, _ rebinding: Rebinding?
  ) throws -> ParityResult {
    let reading = Stopwatch()
    let inputs = try reference.inputs()
    let named = try reference.running { try reference.named(for: model, inputs) }
    let ready = try named.readAhead()
    let readSeconds = reading.seconds

    let judge = Judge(limits: options.limits, override: options.tolerance)
    let runner = Runner(ready, onProgress: onProgress) {
      judge.elementwiseTolerance(recorded: $0, hasNoise: $1)
    }
    let plan = RunPlan(options, ready, isOffered: oracle != nil)
    let gathering = EvidenceGathering(
      plan, runner, judge, model, inputs, oracle.map { Oracle($0) })
    let (evidence, judged) = try gathering.judged()
    let explained = try diagnosed(judged, evidence, judge, model)
    var result = try Reaching(runner, judge, options).reached(explained, model, inputs, rebinding)
    result.seconds.read += readSeconds
    let type = type(of: model)
    result.model = (type as? any Architecture.Type)?.id ?? String(describing: type)
    return result
  }

  /// A closer look at what fails, and why it does.
  private func diagnosed(
    _ judged: ParityResult, _ evidence: Evidence, _ judge: Judge, _ model: any Module
  ) throws -> ParityResult {
    guard options.isolates, judged.hasFailedLayer else { return judged }
    var result = judged
    result.details = try Inspection(evidence.reference).details(of: judged, model)
    result = try DiagnosisStudy(
      evidence.reference, judge, own: evidence.own, forwardIsRecorded: options.forwardIsRecorded
    )
    .diagnosed(result, model)
    // Who runs the recording has no code to compare with.
    if !options.forwardIsRecorded, !result.undiagnosed.isEmpty {
      result.pythonPlaces = PythonPlaces(reference)?.places(of: result.undiagnosed) ?? []
    }
    return result
  }
}
