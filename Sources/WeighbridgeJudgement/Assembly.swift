import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Puts together what the runs found, one verdict per returned tensor.
struct Assembly {
  private let reference: Reference
  private let judge: Judge
  private let cumulative: Trace
  private let isolated: Trace?
  private let own: [Line: Reference.Noise]
  private let facts: RecordedFacts
  private let isolatedFindings: [ActivationKey: Finding]

  init(_ evidence: Evidence, _ judge: Judge) {
    (reference, facts) = (evidence.reference, evidence.facts)
    (cumulative, isolated, own) = (evidence.cumulative, evidence.isolated, evidence.own)
    self.judge = judge
    var findings: [ActivationKey: Finding] = [:]
    if let trace = isolated {
      for (call, found) in zip(trace.calls, trace.findings) {
        for finding in found {
          findings[ActivationKey(call.path, call: call.call, item: finding.item)] = finding
        }
      }
    }
    isolatedFindings = findings
  }

  /// What the calls so far add up to.
  private struct Progress {
    var algebra = StatusAlgebra()
    /// How much rounding a tensor that is returned now can have.
    var rounding = Rounding(terms: 0, dtype: .float32)
    /// What the metadata calls coarser than its values are.
    var denied: [String] = []

    mutating func see(_ precision: (dtype: DType, isDenied: Bool)?, _ name: String) {
      guard let precision else { return }
      rounding.dtype = Rounding.coarser(precision.dtype, rounding.dtype)
      if precision.isDenied { denied.append(name) }
    }
  }

  func fill(_ result: inout ParityResult) {
    var progress = Progress()
    let trace = cumulative
    let hasComparedChildren = comparedChildren()
    var covered: Set<ActivationKey> = []
    var incomparable = Incomparable()
    var parents: [Int?] = []
    for (position, call) in trace.calls.enumerated() {
      progress.rounding.terms = (progress.rounding.terms ?? 0) + Double(call.terms)
      for finding in trace.findings[position] {
        let key = ActivationKey(call.path, call: call.call, item: finding.item)
        if let problem = finding.problem, problem.isIncomparable {
          result.uncovered.append(key.description)
          incomparable.add(key.description, problem.ground)
        }
        let isRecorded = finding.dtype != nil
        if isRecorded {
          covered.insert(key)
          covered.insert(ActivationKey(call.path, call: call.call, item: finding.item ?? 0))
        } else if call.path == .root {
          continue  // the model's own outputs are judged apart
        } else {
          result.unreferenced.append(key.description)
        }
        result.layers.append(
          verdict(key, call, finding, hasComparedChildren[position], &progress))
        parents.append(call.parent)
      }
    }
    Amplification.mark(&result.layers, parents: parents, judge.limits)
    result.uncovered += reference.keys.filter { !covered.contains($0) }.map(\.description)
    let rootChildren = trace.findings.joined().contains { $0.figures != nil }
    for (index, finding) in cumulative.outputFindings.enumerated() {
      guard let finding else {
        result.unreferenced.append("outputs/\(index)")
        continue
      }
      if let problem = finding.problem, problem.isIncomparable {
        result.uncovered.append("outputs/\(index)")
        incomparable.add("outputs/\(index)", problem.ground)
      }
      result.outputs.append(outputVerdict(index, finding, rootChildren, &progress))
    }
    result.blindness = Blindness(result.layers + result.outputs, reference.conditions)
    result.remarks += incomparable.remarks
    if covered.isEmpty, !reference.keys.isEmpty, !trace.calls.isEmpty {
      result.remarks.append(.foreign(reference.keys.count))
    }
    result.remarks += calls() + aliases() + doubts(result)
    result.remarks += recording(denied: progress.denied, result.blindness)
    let coverage = Coverage(
      result, reference, trace: trace, modelOutputs: cumulative.outputs.count)
    result.coverage = coverage
    if result.allowsPartial { result.remarks += coverage.gaps.map(Remark.gap) }
    if !reference.ignored.isEmpty { result.remarks.append(.ignored(reference.ignored)) }
  }

  /// What could not be compared, by the reason.
  private struct Incomparable {
    private var grounds: [Ground] = []
    private var names: [Ground: [String]] = [:]

    mutating func add(_ name: String, _ ground: Ground) {
      if names[ground] == nil { grounds.append(ground) }
      names[ground, default: []].append(name)
    }

    var remarks: [Remark] { grounds.map { .incomparable(names[$0] ?? [], $0) } }
  }

  /// What to say of how the reference was recorded.
  private func recording(denied: [String], _ blindness: Blindness?) -> [Remark] {
    let unknown = reference.conditions.unknownDTypes
    let (wrappers, wrapped) = (reference.wrappers.taken, reference.wrappers.changedCount)
    return [
      unknown.isEmpty ? nil : .unknownDTypes(unknown),
      denied.isEmpty ? nil : .finer(denied),
      blindness.map(Remark.blindness),
      Remark.Sampling(reference).map { .sampling($0, ran: true) },
      wrapped > 0 ? .wrappers(wrappers, count: wrapped) : nil,
    ].compactMap(\.self)
  }

  /// What to say of modules that were called more or less often than recorded.
  private func calls() -> [Remark] {
    var ours: [ModulePath: Int] = [:]
    for call in cumulative.calls { ours[call.path, default: 0] += 1 }
    var recorded: [ModulePath: Int] = [:]
    for key in reference.keys { recorded[key.path] = max(recorded[key.path] ?? 0, key.call + 1) }
    let paths = Set(reference.keys.map(\.path)).sorted { $0.name < $1.name }
    let different = paths.compactMap { path -> Remark.Count? in
      guard let mine = ours[path], let theirs = recorded[path], mine != theirs else { return nil }
      return Remark.Count(path: path, ours: mine, recorded: theirs)
    }
    return different.isEmpty ? [] : [.calls(different)]
  }

  /// What to say of modules that PyTorch knows by two names and recorded under the other one.
  private func aliases() -> [Remark] {
    let aliases = facts.aliases
    let recorded = Set(reference.keys.map(\.path.name))
    let paths = Set(cumulative.calls.map(\.path.name)).subtracting(recorded).sorted()
    let known = paths.compactMap { path in
      aliases[path].map { Remark.Alias(name: path, recorded: $0) }
    }
    return known.isEmpty ? [] : [.aliases(known)]
  }

  /// What to say of recorded noises that cannot be right.
  private func doubts(_ result: ParityResult) -> [Remark] {
    NoiseDoubt.allCases.compactMap { doubt in
      let names = (result.layers + result.outputs).filter { layer in
        if doubt == .notRepeatable { return !layer.isRepeatable && layer.status != .missing }
        return [layer.cumulative, layer.isolated].contains { $0?.judgement.doubt == doubt }
      }.map(\.name)
      return names.isEmpty ? nil : .doubt(doubt, names)
    }
  }

  /// For each call, whether modules called in it, at any depth, were compared.
  private func comparedChildren() -> [Bool] {
    let trace = cumulative
    var result = [Bool](repeating: false, count: trace.calls.count)
    for (position, call) in trace.calls.enumerated() {
      guard let parent = call.parent else { continue }
      if result[position] || trace.findings[position].contains(where: { $0.figures != nil }) {
        result[parent] = true
      }
    }
    return result
  }

  private func verdict(
    _ key: ActivationKey, _ call: ModuleCall, _ finding: Finding, _ hasComparedChildren: Bool,
    _ progress: inout Progress
  ) -> LayerVerdict {
    let noise = finding.dtype == nil ? nil : facts.noise[.module(key)]
    let index = finding.item ?? 0
    if finding.dtype != nil { progress.see(facts.precision[.module(key)], key.description) }
    var verdict = LayerVerdict(
      line: .module(key), kind: call.kind,
      shape: index < call.shapes.count ? call.shapes[index] : [], status: .missing,
      ownNoise: own[.module(key)], recordedNoise: noise, isLeaf: !call.hasChildren)
    verdict.isRepeatable = reference.isRepeatable(key)
    verdict.settle(
      finding, isolatedFindings[key], isolated, judge, progress.rounding, &progress.algebra,
      hasComparedChildren: hasComparedChildren)
    return verdict
  }

  private func outputVerdict(
    _ index: Int, _ finding: Finding, _ hasComparedChildren: Bool, _ progress: inout Progress
  ) -> LayerVerdict {
    let tensor = index < cumulative.outputs.count ? cumulative.outputs[index] : nil
    progress.see(facts.precision[.output(index)], "outputs/\(index)")
    var verdict = LayerVerdict(
      line: .output(index), kind: "output", shape: tensor?.shape ?? [],
      status: .missing, ownNoise: own[.output(index)],
      recordedNoise: facts.noise[.output(index)], isLeaf: false)
    verdict.isRepeatable = reference.isOutputRepeatable(index)
    let isolatedFinding = isolated.flatMap { run in
      index < run.outputFindings.count ? run.outputFindings[index] : nil
    }
    verdict.settle(
      finding, isolatedFinding, isolated, judge, progress.rounding, &progress.algebra,
      hasComparedChildren: hasComparedChildren)
    return verdict
  }
}

extension LayerVerdict {
  /// Judges what the two runs found.
  fileprivate mutating func settle(
    _ finding: Finding, _ isolatedFinding: Finding?, _ run: Trace?, _ judge: Judge,
    _ rounding: Rounding, _ algebra: inout StatusAlgebra, hasComparedChildren: Bool
  ) {
    self.rounding = rounding
    cumulative = measurement(finding, judge)
    reshaping = isolatedFinding?.reshaping ?? finding.reshaping
    isolated = isolatedFinding.flatMap { measurement($0, judge) }
    worksOnRecorded = isolated != nil && isolatedFinding?.isClean == true
    (status, grounds) = algebra.status(
      finding, isolatedFinding, self, run, hasComparedChildren: hasComparedChildren)
    guard !isRepeatable else { return }
    if status == .inherited, isolated?.holds == true {
      // What arrives in the whole run is chance; on recorded inputs it is right.
      (status, grounds) = reshaping.map { (.reshaped, [$0.ground]) } ?? (.ok, [])
    } else if status.isFailure {
      grounds.append(.chance)
    }
  }

  private func measurement(_ finding: Finding, _ judge: Judge) -> Measurement? {
    guard let figures = finding.figures, let dtype = finding.dtype else { return nil }
    let recorded = dtype.isFloatingPoint ? Rounding.coarser(rounding.dtype, dtype) : dtype
    var judgement = judge.judge(
      figures, recorded: recorded, reference: recordedNoise, own: ownNoise, terms: rounding.terms)
    if !isRepeatable { judgement.doubt = .notRepeatable }
    return Measurement(figures: figures, judgement: judgement)
  }
}

extension StatusAlgebra {
  fileprivate mutating func status(
    _ finding: Finding, _ isolatedFinding: Finding?, _ verdict: LayerVerdict, _ isolated: Trace?,
    hasComparedChildren: Bool
  ) -> (LayerStatus, [Ground]) {
    // The run on recorded results tells how the elements are paired, whatever arrives in the other.
    guard let reshaping = isolatedFinding?.reshaping ?? finding.reshaping else {
      return judged(
        finding, isolatedFinding, verdict, isolated, hasComparedChildren: hasComparedChildren)
    }
    let (status, grounds) = judged(
      finding, isolatedFinding, verdict, isolated, hasComparedChildren: hasComparedChildren)
    return (status == .ok ? .reshaped : status, [reshaping.ground] + grounds)
  }

  private mutating func judged(
    _ finding: Finding, _ isolatedFinding: Finding?, _ verdict: LayerVerdict, _ isolated: Trace?,
    hasComparedChildren: Bool
  ) -> (LayerStatus, [Ground]) {
    guard let problem = finding.problem else {
      return status(
        cumulative: verdict.cumulative, isolated: verdict.isolated,
        hasComparedChildren: hasComparedChildren, problem: nil,
        isClean: isolatedFinding?.isClean ?? true,
        irreplaceable: finding.isSampled ? .afterSamples(verdict.name) : nil)
    }
    if problem.isIncomparable { return (.missing, [problem.ground]) }
    let isHandedOn = isolated?.handsOnOtherShapes == true && !finding.isSampled
    return status(
      cumulative: nil, isolated: verdict.isolated, hasComparedChildren: hasComparedChildren,
      problem: problem.ground, isIsolated: isolated != nil,
      isClean: isolatedFinding?.isClean ?? true,
      irreplaceable: isHandedOn ? nil : .afterOtherShape(verdict.name))
  }
}
