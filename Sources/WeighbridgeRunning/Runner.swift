import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences

/// What a validation is doing.
public struct ValidationProgress: Sendable, Hashable {
  /// The run: `cumulative`, `oracle`, `isolated`.
  public var run: String
  /// How many calls have returned.
  public var calls: Int
  /// How many are expected; `nil` until one run has ended.
  public var expected: Int?
}

/// Runs models on a reference's inputs and holds what they return against what is recorded.
package struct Runner: Sendable {
  package let reference: Reference
  /// What is measured against element by element, by the recorded dtype and whether noise is known.
  private let tolerance: @Sendable (_ recorded: DType, _ hasNoise: Bool) -> ElementwiseTolerance?
  private let onProgress: (@Sendable (ValidationProgress) -> Void)?

  package init(
    _ reference: Reference, onProgress: (@Sendable (ValidationProgress) -> Void)? = nil,
    tolerance: @escaping @Sendable (_ recorded: DType, _ hasNoise: Bool) -> ElementwiseTolerance?
  ) {
    (self.reference, self.tolerance, self.onProgress) = (reference, tolerance, onProgress)
  }

  /// The same on another reference.
  package func on(_ reference: Reference) -> Runner {
    Runner(reference, onProgress: onProgress, tolerance: tolerance)
  }

  private enum Kind: String { case cumulative, isolated, oracle }

  /// The model on its own results.
  ///
  /// - Parameter kept: Where every result goes, for a run in float64 to be held against.
  /// - Throws: when the model cannot run on the inputs, or something recorded cannot be read.
  package func cumulative(
    _ model: any Module, _ inputs: [Tensor], keeping kept: KeptOutputs? = nil
  ) throws -> Trace {
    try trace(model, inputs, .cumulative, keeping: kept)
  }

  /// The model on recorded results. What follows a result of a wrong shape is given the recorded one,
  /// unless the model cannot go on with that: what it joins may not have been recorded.
  ///
  /// - Parameter expected: How many calls there will be.
  /// - Throws: as `cumulative` does.
  package func isolated(_ model: any Module, _ inputs: [Tensor], expected: Int) throws -> Trace {
    do {
      return try trace(model, inputs, .isolated, expected: expected)
    } catch let error as WeighbridgeError where error.code == .shape {
      return try trace(model, inputs, .isolated, handsOnOtherShapes: false, expected: expected)
    }
  }

  /// The model as a program runs it: compiled and unprobed, so with fused layers, folded norms and the
  /// engine's joint steps, which no probed run executes.
  ///
  /// - Parameter model: The compiled model.
  /// - Throws: when the model cannot run so, or an output cannot be read.
  package func production(_ model: any Module, _ inputs: [Tensor]) throws -> Trace {
    let clock = Stopwatch()
    var trace = Trace()
    trace.outputs = try reference.running { try ProbeRun.without { try model.run(inputs) } }
    trace.seconds = clock.seconds
    try compareOutputs(&trace, isClean: true)
    return trace
  }

  /// How far float32 is from float64 of the same model, result by result.
  ///
  /// - Parameter kept: What float32 gave.
  /// - Throws: when the model cannot run in float64.
  package func noise(
    _ oracle: any Module, _ kept: KeptOutputs, _ cumulative: Trace
  ) throws -> [Line: Reference.Noise] {
    let expected = cumulative.calls.count
    let onProgress = onProgress
    let probe = OracleProbe(kept) { calls in
      onProgress?(
        ValidationProgress(run: Kind.oracle.rawValue, calls: calls, expected: expected))
    }
    let outputs = try ProbeRun.with(probe) {
      try oracle.run(reference.inputs(as: .float64))
    }
    var noise = Dictionary(
      probe.noise.map { (Line.module($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
    for (index, pair) in zip(cumulative.outputs, outputs).enumerated() {
      noise[.output(index)] = try OracleProbe.noise(pair.0, pair.1)
    }
    return noise
  }

  private func trace(
    _ model: any Module, _ inputs: [Tensor], _ kind: Kind, keeping kept: KeptOutputs? = nil,
    handsOnOtherShapes: Bool = true, expected: Int? = nil
  ) throws -> Trace {
    let (reference, tolerance, onProgress) = (reference, tolerance, onProgress)
    let probe = ComparingProbe(
      reference, substitutes: kind == .isolated, handsOnOtherShapes: handsOnOtherShapes,
      keeping: kept, tolerance: { tolerance($1, reference.hasNoise($0)) },
      onCall: { calls in
        onProgress?(ValidationProgress(run: kind.rawValue, calls: calls, expected: expected))
      })
    let clock = Stopwatch()
    let outputs = try reference.running { try ProbeRun.with(probe) { try model.run(inputs) } }
    var trace = probe.trace
    (trace.outputs, trace.handsOnOtherShapes) = (outputs, handsOnOtherShapes)
    trace.seconds = clock.seconds
    try compareOutputs(&trace, isClean: probe.replacedAll)
    return trace
  }

  private func compareOutputs(_ trace: inout Trace, isClean: Bool) throws {
    let clock = Stopwatch()
    let outputs = trace.outputs
    trace.outputFindings = try (0..<max(outputs.count, reference.outputCount)).map { index in
      var finding = try outputFinding(index, outputs)
      finding?.isClean = isClean
      return finding
    }
    trace.compareSeconds += clock.seconds
    trace.seconds += clock.seconds
  }

  /// `nil` when the reference has no such output.
  package func outputFinding(_ index: Int, _ outputs: [Tensor]) throws -> Finding? {
    guard index < reference.outputCount else { return nil }
    let recorded = try reference.output(index)
    guard index < outputs.count else {
      return Finding(
        item: index, figures: nil, dtype: recorded.dtype,
        problem: .outputCount(outputs.count))
    }
    let hasNoise = reference.hasOutputNoise(index)
    return try Finding(item: index, got: outputs[index], recorded: .whole(recorded)) { dtype in
      tolerance(dtype, hasNoise)
    }
  }
}
