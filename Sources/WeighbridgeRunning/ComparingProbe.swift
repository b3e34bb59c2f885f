import Synchronization
import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences

/// What a run found out about one returned tensor.
package struct Finding: Sendable {
  /// Which of several returned tensors; `nil` when there was one.
  package var item: Int?
  /// `nil` when there was nothing to compare it with, or the two could not be compared.
  package var figures: Figures?
  /// The recorded dtype.
  package var dtype: DType?
  /// Why there are no figures though something was recorded.
  package var problem: Problem?
  /// How the recorded elements are ours though their shape is another one; the figures are theirs then.
  package var reshaping: Reshaping?
  /// Whether samples were compared, which cannot be handed on in place of ours.
  package var isSampled = false
  /// In the isolated run: whether its module is known to have worked on recorded values alone. Not so
  /// after an output that could not be replaced, for which there is no recorded value of its shape.
  package var isClean = true

  package enum Problem: Sendable {
    /// Ours has another shape, which is a failure.
    case shape(recorded: Shape, ours: Shape)
    /// The model returns only so many outputs, which is one, too.
    case outputCount(Int)
    /// What is recorded is of a dtype that cannot show a float's error.
    case dtype(DType)
    /// What is recorded holds no values.
    case empty
  }
}

/// Compares every module's output with the recorded one as the model runs, and keeps figures only.
///
/// With `substitutes`, each compared output is then replaced by the recorded one, so that what
/// follows starts clean: a leaf's error is its own, and a parent's is that of the glue between its
/// children.
package final class ComparingProbe: Probe {
  private let reference: Reference
  private let substitutes: Bool
  /// Whether a recorded tensor is put in place of ours even where its shape is another one.
  private let handsOnOtherShapes: Bool
  private let tolerance: @Sendable (ActivationKey, _ recorded: DType) -> ElementwiseTolerance?
  private let onCall: (@Sendable (Int) -> Void)?
  /// Where every output goes before it is replaced, for the oracle.
  private let kept: KeptOutputs?
  private let log = CallLog()
  private let state = Mutex(State())

  private struct State {
    var findings: [[Finding]] = []
    var read = 0.0
    var compare = 0.0
    var last: ComparedOutput?
    /// How many outputs could not be replaced.
    var unreplaced = 0
    /// Recorded values that were handed on since the first of those, by the memory they are in.
    var known: [ObjectIdentifier: TensorStorage] = [:]

    mutating func know(_ tensors: [Tensor]) {
      for storage in tensors.compactMap(\.storage) { known[ObjectIdentifier(storage)] = storage }
    }

    func knows(_ tensors: [Tensor]) -> Bool {
      tensors.compactMap(\.storage).allSatisfy { known[ObjectIdentifier($0)] != nil }
    }
  }

  package init(
    _ reference: Reference, substitutes: Bool, handsOnOtherShapes: Bool = true,
    keeping kept: KeptOutputs? = nil,
    tolerance: @escaping @Sendable (ActivationKey, _ recorded: DType) -> ElementwiseTolerance?,
    onCall: (@Sendable (Int) -> Void)? = nil
  ) {
    self.reference = reference
    self.substitutes = substitutes
    self.handsOnOtherShapes = handsOnOtherShapes
    self.tolerance = tolerance
    self.onCall = onCall
    self.kept = kept
  }

  package var trace: Trace {
    let calls = log.calls
    return state.withLock {
      Trace(
        calls: calls, findings: $0.findings, readSeconds: $0.read, compareSeconds: $0.compare)
    }
  }

  /// Whether every output so far could be replaced.
  package var replacedAll: Bool { state.withLock { $0.unreplaced == 0 } }

  package func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    log.enter()
    let unreplaced = state.withLock { state in
      if module.path == .root { state.know(input.tensors) }
      return state.unreplaced
    }
    let output: M.Output
    do {
      output = try forward(input)
    } catch {
      log.abandon()
      throw (error as? WeighbridgeError)?.located(entry: module.path.name) ?? error
    }
    let got = output.tensors
    let recorded = try recordedTensors(module.path, call, like: got)
    var tensors = got
    let isClean = state.withLock {
      $0.unreplaced == unreplaced && (unreplaced == 0 || $0.knows(input.tensors))
    }
    var findings = try compare(module.path, call, &tensors, recorded)
    for index in findings.indices { findings[index].isClean = isClean }
    for (item, tensor) in got.enumerated() {
      kept?.keep(ActivationKey(module.path, call: call, item: got.count > 1 ? item : nil), tensor)
    }
    let position = log.leave(
      module.path, call: call, kind: module.kind, shapes: got.map(\.shape),
      terms: ModuleCall.terms(of: module, input.tensors))
    state.withLock { $0.findings.append(findings) }
    onCall?(position + 1)
    return substitutes ? try output.replacing(tensors) : output
  }

  /// The recorded tensors that stand beside each of ours; `nil` where there is none.
  private func recordedTensors(
    _ path: ModulePath, _ call: Int, like got: [Tensor]
  ) throws -> [RecordedActivation?] {
    let clock = Stopwatch()
    defer { state.withLock { $0.read += clock.seconds } }
    guard let tensors = try reference.recorded(path, call: call) else {
      return got.map { _ in nil }
    }
    return got.indices.map { $0 < tensors.count ? tensors[$0] : nil }
  }

  /// Compares, and puts the recorded tensors in place of ours if that is wanted.
  private func compare(
    _ path: ModulePath, _ call: Int, _ tensors: inout [Tensor],
    _ recorded: [RecordedActivation?]
  ) throws -> [Finding] {
    let clock = Stopwatch()
    defer { state.withLock { $0.compare += clock.seconds } }
    let hasItems = tensors.count > 1
    return try tensors.indices.map { index in
      let key = ActivationKey(path, call: call, item: hasItems ? index : nil)
      return try compare(key, &tensors[index], recorded[index])
    }
  }

  private func compare(
    _ key: ActivationKey, _ got: inout Tensor, _ activation: RecordedActivation?
  ) throws -> Finding {
    guard case .whole(let recorded)? = activation, recorded.shape == got.shape,
      Finding.problem(got, recorded) == nil
    else {
      let finding = try Finding(item: key.item, got: got, recorded: activation) {
        tolerance(key, $0)
      }
      guard substitutes, case .whole(let recorded)? = activation,
        let handedOn = try Substitution.of(
          recorded, for: got, handsOnOtherShapes: handsOnOtherShapes)
      else {
        if activation != nil { state.withLock { $0.unreplaced += 1 } }
        return finding
      }
      got = handedOn
      state.withLock { if $0.unreplaced > 0 { $0.know([handedOn]) } }
      return finding
    }
    var finding = Finding(item: key.item, dtype: recorded.dtype)
    let limit = tolerance(key, recorded.dtype)
    let isReplaced = substitutes && recorded.dtype.isFloatingPoint == got.dtype.isFloatingPoint
    let last = state.withLock { $0.last }
    if let known = last?.figures(of: got, against: recorded, tolerance: limit) {
      finding.figures = known
      return finding
    }
    let figures: Figures
    if isReplaced {
      (figures, got) = try Comparison.substituting(recorded, for: got, tolerance: limit)
    } else {
      figures = try Comparison.figures(got, recorded, tolerance: limit)
    }
    finding.figures = figures
    let compared = ComparedOutput(
      tensor: got, recorded: recorded, tolerance: limit, figures: figures,
      isSubstituted: isReplaced)
    let handedOn = got
    state.withLock { state in
      state.last = compared
      if isReplaced, state.unreplaced > 0 { state.know([handedOn]) }
    }
    return finding
  }
}

extension Finding {
  /// Compares one returned tensor.
  package init(
    item: Int?, got: Tensor, recorded: RecordedActivation?,
    tolerance: (_ recorded: DType) -> ElementwiseTolerance?
  ) throws {
    self.init(item: item, figures: nil, dtype: recorded?.dtype, problem: nil)
    guard let recorded else { return }
    let described = Tensor(describing: recorded.dtype, shape: recorded.shape)
    problem = Finding.problem(got, described)
    if case .sampled = recorded { isSampled = true }
    if case .shape = problem, let found = try Reshaping.between(got, recorded) {
      (reshaping, problem) = (found, Finding.problem(try found.likeRecorded(got), described))
    }
    guard problem == nil else { return }
    let ours = try reshaping?.likeRecorded(got) ?? got
    figures = try Comparison.figures(ours, recorded, tolerance: tolerance(recorded.dtype))
  }

  /// Why two tensors cannot be compared.
  fileprivate static func problem(_ got: Tensor, _ recorded: Tensor) -> Problem? {
    guard recorded.shape == got.shape else {
      return .shape(recorded: recorded.shape, ours: got.shape)
    }
    guard recorded.dtype.isFloatingPoint || !got.dtype.isFloatingPoint else {
      return .dtype(recorded.dtype)
    }
    guard got.elementCount > 0 else {
      return .empty
    }
    return nil
  }
}
