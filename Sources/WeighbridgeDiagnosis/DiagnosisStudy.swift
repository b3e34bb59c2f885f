import WeighbridgeComparison
import WeighbridgeJudgement
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeVerdicts

/// Finds out why layers are wrong, by running them again on recorded results.
package struct DiagnosisStudy {
  /// How many wrong layers are looked at.
  private static let layerLimit = 12

  private let reference: Reference
  private let judge: Judge
  /// Our own noise, where it is known.
  private let own: [Line: Reference.Noise]

  /// Whether the model computes what was recorded, operation by operation.
  private let forwardIsRecorded: Bool

  package init(
    _ reference: Reference, _ judge: Judge, own: [Line: Reference.Noise],
    forwardIsRecorded: Bool = false
  ) {
    (self.reference, self.judge, self.own) = (reference, judge, own)
    self.forwardIsRecorded = forwardIsRecorded
  }

  /// Says of the first causes of a failure why they are wrong, as far as rerunning can tell, and moves
  /// the blame to the module that computes a layer's input where that is at fault.
  package func diagnosed(_ judged: ParityResult, _ model: any Module) throws -> ParityResult {
    var result = judged
    let layers = suspected(result)
    guard !layers.isEmpty else {
      let masked = RecordingSigns.maskedRows(reference, result)
      result.diagnoses += masked.map { $0.diagnosis(result) }
      return result
    }
    let inputs = try reference.inputs()
    let reference = result.fitting(reference)
    let probe = DiagnosingProbe(
      reference, inputs: inputs, Set(layers.map(\.key)),
      handsOnOtherShapes: result.handsOnOtherShapes)
    _ = try ProbeRun.with(probe) { try model.run(inputs) }
    let suspects = probe.suspects
    // With no recorded module in common, it is the reference of another network.
    let isRelated = reference.keys.isEmpty || result.layers.contains { $0.status != .missing }
    let called = probe.called
    let context = DiagnosisContext(
      reference: reference, parameterized: probe.parameterized, failing: layers.map(\.key.path),
      called: called, recorded: RecordedTensors(reference, called: called, isRelated: isRelated),
      properties: probe.properties, forwardIsRecorded: forwardIsRecorded, holding: result.holding)
    let diagnoser = Diagnoser(
      context: context, judge: judge,
      noise: { key in (layers.first { $0.key == key }?.layer.recordedNoise, own[key.line]) },
      roundingBefore: { judged.rounding(before: $0.line, own) })
    let evidence = try recordingEvidence(
      reference, result, model, inputs, suspects: layers.compactMap { suspects[$0.key] },
      parameterized: probe.parameterized)
    let faults = RecordingSigns.faults(evidence)
    result.diagnoses = faults.map { $0.diagnosis(result) }.gathered
    let faulty = Set(faults.map(\.key))
    for (key, layer) in layers {
      guard let suspect = suspects[key], !faulty.contains(key) else { continue }
      if faults.contains(where: { $0.alike.contains(key) }) { continue }
      // Right on its own results: what was recorded of what it reads is not.
      if !faults.isEmpty, layer.cumulative?.holds == true {
        result.excuse(suspect)
        continue
      }
      let judged = (layer.isolated ?? layer.cumulative)?.judgement
      var found = try diagnoser.diagnose(suspect, judged)?
        .settled(by: result.diagnoses)
      if layer.status.isCause {
        if found == nil, isRelated {
          found = diagnoser.uncalled(
            suspect, ratio: judged?.ratio ?? .nan, recorded: result.uncovered)
        }
      } else {
        guard found?.certainty == .likely else { continue }
        result.accuse(suspect)
      }
      // A number that is none stands in the weights, however right the outputs are.
      if found == nil || found?.certainty == .suggestion, found?.best.cause.kind != .overflow,
        let fault = RecordingSigns.unexplained(key, evidence)
      {
        found = fault.diagnosis(result)
      }
      result.blame(suspect, found)
      guard let found else {
        if isRelated { result.undiagnosed.append(key.line) }
        continue
      }
      if let index = result.diagnoses.firstIndex(where: {
        $0.certainty == found.certainty && $0.best.cause.kind == found.best.cause.kind
      }) {
        result.diagnoses[index].alike.append(found)
      } else {
        result.diagnoses.append(found)
      }
    }
    return result
  }

  /// What the reference shows of how it was recorded, with what the model returns on its own results.
  private func recordingEvidence(
    _ reference: Reference, _ result: ParityResult, _ model: any Module, _ inputs: [Tensor],
    suspects: [Suspect], parameterized: [(path: ModulePath, parameters: [ModuleParameter])]
  ) throws -> RecordingEvidence {
    let probe = OutputsProbe(Set(suspects.map(\.recorded.shape)))
    _ = try ProbeRun.with(probe) { try model.run(inputs) }
    let (judge, own) = (judge, own)
    return RecordingEvidence(
      reference, result, suspects: suspects, parameterized: parameterized,
      outputs: probe.outputs, leastBits: judge.limits.leastBits
    ) { ours, key in
      guard let recorded = try? reference.tensor(key), recorded.shape == ours.shape else {
        return false
      }
      let noise = try? reference.noise(key)
      let tolerance = judge.elementwiseTolerance(
        recorded: recorded.dtype, hasNoise: noise != nil)
      guard let figures = try? Comparison.figures(ours, recorded, tolerance: tolerance) else {
        return false
      }
      // Ours is that of our values: where they are absurd, it would excuse any others.
      let rounding = own[key.line].flatMap {
        $0.rms <= Limits.noiseShare * figures.referenceRMS ? $0 : nil
      }
      return judge.judge(
        figures, recorded: recorded.dtype, reference: noise, own: rounding
      ).holds
    }
  }

  /// The layers to look at: the causes; where no layer fails alone, those that are close to it.
  private func suspected(_ result: ParityResult) -> [(key: ActivationKey, layer: LayerVerdict)] {
    // A recorded NaN is explained by anything that gives NaN, and so by nothing.
    let failing = result.causes.filter { $0.cumulative?.figures.nonFinite.referenceNaN ?? 0 == 0 }
    if failing.isEmpty, !result.causes.isEmpty { return [] }
    let layers = failing.isEmpty ? result.nearest(Self.layerLimit) : failing
    return layers.prefix(Self.layerLimit).map { layer in
      return (ActivationKey(layer.line), layer)
    }
  }
}

extension [Diagnosis] {
  /// Those of one kind as one, with the others of it.
  fileprivate var gathered: [Diagnosis] {
    reduce(into: []) { found, next in
      if let index = found.firstIndex(where: { $0.best.cause.kind == next.best.cause.kind }) {
        found[index].alike.append(next)
      } else {
        found.append(next)
      }
    }
  }
}

extension Diagnosis {
  /// What explained an earlier layer explains this one, too, if it is among several that do.
  fileprivate func settled(by earlier: [Diagnosis]) -> Diagnosis {
    guard certainty == .ambiguous else { return self }
    let certain = earlier.filter { $0.certainty == .likely }.flatMap { [$0] + $0.alike }
    for candidate in [best] + rivals {
      guard let known = certain.first(where: { $0.best.cause == candidate.cause }) else { continue }
      var settled = self
      (settled.path, settled.call, settled.kind) = (known.path, known.call, known.kind)
      (settled.certainty, settled.best, settled.rivals) = (.likely, candidate, [])
      return settled
    }
    return self
  }
}

extension ParityResult {
  /// The reference without the calls whose recorded tensors have another number of axes than ours, or
  /// no elements: no module within the model can work on them.
  fileprivate func fitting(_ reference: Reference) -> Reference {
    var odd: Set<ActivationKey> = []
    for layer in layers {
      let key = ActivationKey(layer.path, call: layer.call, item: layer.item)
      guard let recorded = reference.description(of: key), layer.reshaping == nil else { continue }
      if recorded.shape.rank != layer.shape.rank || recorded.shape.elementCount == 0 {
        odd.insert(ActivationKey(layer.path, call: layer.call))
      }
    }
    let reference = reference.reshaped(reshapings)
    return odd.isEmpty
      ? reference : reference.leavingOut { odd.contains(ActivationKey($0.path, call: $0.call)) }
  }

  /// The modules whose own computation holds on recorded results, in every call.
  fileprivate var holding: Set<ModulePath> {
    let judged = layers.filter { $0.isOfModule && $0.isolated != nil }
    let failing = Set(judged.filter { $0.isolated?.holds == false }.map(\.path))
    return Set(judged.map(\.path)).subtracting(failing)
  }

  /// The largest rounding, as shares of their values, of the last results before a line.
  fileprivate func rounding(
    before line: Line, _ own: [Line: Reference.Noise]
  ) -> Reference.Noise? {
    let before = layers.prefix { $0.line != line }.reversed().lazy.compactMap { layer in
      own[layer.line].flatMap { noise in
        layer.cumulative.flatMap { compared in
          let (rms, max) = (compared.figures.referenceRMS, compared.figures.referenceMax)
          return rms > 0 ? Reference.Noise(rms: noise.rms / rms, max: noise.max / max) : nil
        }
      }
    }
    return before.prefix(3).max { $0.rms < $1.rms }
  }

  private func index(of suspect: Suspect) -> Int? {
    layers.firstIndex { $0.line == suspect.key.line }
  }

  /// Calls a layer wrong that is within its limit alone, now that a cause is known.
  fileprivate mutating func accuse(_ suspect: Suspect) {
    guard let index = index(of: suspect), let isolated = layers[index].isolated?.judgement else {
      return
    }
    layers[index].status = layers[index].isLeaf ? .source : .glue
    layers[index].grounds = [.accused(isolated)]
  }

  /// Calls a layer wrong by consequence, of a faulty recording of what it reads.
  fileprivate mutating func excuse(_ suspect: Suspect) {
    guard let index = index(of: suspect) else { return }
    layers[index].status = .inherited
    layers[index].grounds = [.misrecorded]
  }

  /// Notes who may be at fault where a layer's input was computed and not recorded.
  fileprivate mutating func blame(_ suspect: Suspect, _ diagnosis: Diagnosis?) {
    guard let index = index(of: suspect) else { return }
    guard let diagnosis, diagnosis.certainty == .likely else {
      // A function without parameters is right where its input is: who made that is to blame.
      if !suspect.own.hasOwnForms, layers[index].status == .source, layers[index].grounds.isEmpty {
        let author = suspect.author
        guard author.path != suspect.key.path else { return }
        move(index, suspect, to: author.path, call: author.call, innocent: suspect.kind)
        return
      }
      guard let source = suspect.around.last else { return }
      layers[index].grounds.append(.onTheWay(source.path))
      return
    }
    guard diagnosis.path != suspect.key.path else { return }
    move(index, suspect, to: diagnosis.path, call: diagnosis.call)
  }

  /// Blames a module for what shows at a layer.
  ///
  /// - Parameter innocent: The layer's kind, where it has nothing to be wrong by itself.
  private mutating func move(
    _ index: Int, _ suspect: Suspect, to path: ModulePath, call: Int, innocent: String? = nil
  ) {
    layers[index].grounds = [.input(of: path, kind: innocent)]
    // The model's own glue has no layer to blame.
    guard
      let parent = layers.firstIndex(where: { $0.path == path && $0.call == call })
    else {
      if !suspect.own.hasOwnForms { layers[index].status = .glue }
      return
    }
    let name = layers[index].line
    layers[index].status = .inherited
    layers[parent].status = .glue
    layers[parent].grounds = [.shows(name)]
    // The figures go with the blame: those of the module itself say that its end is right.
    (layers[parent].isolated, layers[index].isolated) = (layers[index].isolated, nil)
  }
}
