import Testing
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeRunning
@testable import WeighbridgeVerdicts

/// What a file claims of PyTorch's noise, by hand.
@Suite struct NoiseClaimTests {
  /// How the validator may measure our own noise.
  enum Way: CaseIterable { case twin, never, withoutTwin, notIsolated }

  private func judged(
    _ faults: Faults, _ entries: RecordedEntries, _ way: Way
  ) throws -> ParityResult {
    var options = ValidationOptions()
    if way == .never { options.oracle = .never }
    options.isolates = way != .notIsolated
    return try Validator(entries.reference(), options: options).validate(
      Toy.load(faults),
      oracle: way == .withoutTwin ? nil : { try Toy.load(faults, dtype: .float64) })
  }

  private func rms(_ tensor: Tensor?) throws -> Double {
    let values = try #require(tensor).elements(as: Double.self)
    return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
  }

  /// A wrong layer beside a noise that only it claims: in shares of its activation, below what was once
  /// believed of it, at its size, and far above.
  @Test(
    arguments: [(0.03, 0.1), (0.9, 0.9), (1e12, 1e12), (.nan, 1), (.infinity, .infinity)],
    Way.allCases)
  func noiseOfOneLayerExcusesNothing(_ noise: (Double, Double), _ way: Way) throws {
    var entries = try RecordedEntries.toy(noise: true)
    let size = try rms(entries["activations/blocks.0.fc"])
    entries["noise/blocks.0.fc"] = try Tensor([noise.0 * size, noise.1 * size], shape: [2])
    #expect(try judged(Faults(), entries, way).passes)
    for error in [0.5, 0.02, 1e-3] {
      let wrong = try judged(Faults(leaf: ["blocks.0.fc": error]), entries, way)
      #expect(!wrong.passes)
      #expect(wrong.firstDivergence?.name == "blocks.0.fc")
      #expect(wrong.firstDivergence?.status == .source)
    }
    let doubt = try judged(Faults(), entries, way).layer("blocks.0.fc")?.cumulative?.judgement.doubt
    #expect(doubt != nil)
  }

  /// Everything claims the noise of a deep network in half precision.
  @Test(arguments: Way.allCases)
  func noiseOfAllLayersExcusesNothing(_ way: Way) throws {
    var entries = try RecordedEntries.toy(noise: true)
    for entry in entries.tensors where entry.name.hasPrefix("noise/") {
      let name = entry.name.replacing("noise/", with: "")
      let size = try rms(entries[name.hasPrefix("outputs") ? name : "activations/\(name)"])
      entries[entry.name] = try Tensor([size / 40, size / 20], shape: [2])
    }
    let right = try judged(Faults(), entries, way)
    #expect(right.passes)
    #expect(right.notes.contains { $0.hasSuffix(NoiseDoubt.bounded.text) })
    let wrong = try judged(Faults(leaf: ["blocks.1.fc": 2e-3]), entries, way)
    #expect(wrong.statuses["blocks.1.fc"] == .source)
    #expect(!wrong.passes)
  }

  @Test func negativeNoiseIsMalformed() throws {
    var entries = try RecordedEntries.toy(noise: true)
    entries["noise/tail"] = try Tensor([-1e9, 1e9], shape: [2])
    #expect(failure { try judged(Faults(), entries, .twin) }?.code == .malformed)
  }

  /// The bound grows with what was added up: 64 · 2⁻²⁴ · √terms.
  @Test func boundFollowsTheTerms() throws {
    let limits = Limits()
    let few = Rounding(terms: 1, dtype: .float32).share(limits)
    #expect(few == limits.cancellation * 0x1p-24)
    #expect(Rounding(terms: 1e4, dtype: .float32).share(limits) == 100 * few)
    #expect(Rounding(terms: 1e30, dtype: .float32).share(limits) == 1.0 / 32)
    #expect(Rounding(terms: 1, dtype: .bfloat16).share(limits) == 1.0 / 32)
    let linear = try WeightScope.bind(DrawnWeights()) { try Linear($0 / "a", in: 48, out: 3) }
    let x = try Tensor([Float](repeating: 0, count: 96), shape: [2, 48])
    #expect(ModuleCall.terms(of: linear, [x]) == 48)
    let convolution = try WeightScope.bind(DrawnWeights()) {
      try Conv2d($0 / "a", in: 6, out: 4, kernel: 3, groups: 2)
    }
    #expect(ModuleCall.terms(of: convolution, [x]) == 27)
    let relu = try WeightScope.bind(DrawnWeights()) { ReLU($0 / "r") }
    #expect(ModuleCall.terms(of: relu, [x]) == 1)
  }
}

/// What PyTorch itself did not repeat.
@Suite struct ChanceTests {
  /// A recording in which chance moved what `blocks.0.fc` returned, and all that follows.
  private func entries(
    listed: [String]? = nil, noise: Double = 1e3
  ) throws -> RecordedEntries {
    let chancy = try Toy.load(Faults(leaf: ["blocks.0.fc": 0.3]))
    let probe = RecordingProbe()
    let input = try Toy.input()
    let outputs = try ProbeRun.with(probe) { try chancy.run([input]) }
    var entries = RecordedEntries()
    entries.tensors = [("inputs/0", input), ("outputs/0", outputs[0])]
    var names = ["outputs/0"]
    for found in probe.activations where found.key.path != .root {
      entries.tensors.append(("activations/\(found.key)", found.tensor))
      names.append(found.key.description)
    }
    for name in names { entries["noise/\(name)"] = try Tensor([noise, noise], shape: [2]) }
    let quoted = (listed ?? names).map { "\"\($0)\"" }.joined(separator: ",")
    entries.metadata["metadata"] = "{\"not_repeatable\": [\(quoted)]}"
    return entries
  }

  /// What chance made is named as such, and everything after it is judged on what was recorded.
  @Test(arguments: [1e3, 0.3, .nan])
  func chanceIsNoRounding(_ noise: Double) throws {
    let result = try validate(against: entries(noise: noise))
    #expect(!result.passes)
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.firstDivergence?.reason?.contains("two runs of PyTorch differ") == true)
    let others = result.layers.filter { $0.name != "blocks.0.fc" }
    #expect(others.allSatisfy { $0.status == .ok })
    #expect(result.layers.allSatisfy { $0.recordedNoise == nil })
    #expect(result.production.map(\.status) == [.ok])
    #expect(result.notes.contains { $0.hasSuffix(NoiseDoubt.notRepeatable.text) })
  }

  /// A wrong layer after the chance is found beside it.
  @Test(arguments: OracleMode.allCases)
  func wrongLayerBehindChanceIsFound(_ mode: OracleMode) throws {
    for error in [0.5, 1e-3] {
      let result = try validate(Faults(leaf: ["blocks.1.fc": error]), against: entries()) {
        $0.oracle = mode
      }
      #expect(result.statuses["blocks.1.fc"] == .source)
      #expect(!result.passes)
    }
  }

  /// A list in a file cannot excuse what fails on recorded inputs, nor a run of which nothing is
  /// recorded in between.
  @Test func listExcusesNothing() throws {
    var entries = try RecordedEntries.toy(noise: true)
    let names = entries.tensors.map(\.name).filter { $0.hasPrefix("noise/") }
      .map { "\"\($0.replacing("noise/", with: ""))\"" }
    entries.metadata["metadata"] = "{\"not_repeatable\": [\(names.joined(separator: ","))]}"
    #expect(try validate(against: entries).passes)
    let wrong = try validate(Faults(leaf: ["blocks.0.fc": 0.02]), against: entries)
    #expect(wrong.statuses["blocks.0.fc"] == .source)
    #expect(!(try validate(Faults(doublesOutput: true), against: entries).passes))
    for entry in entries.tensors where entry.name.hasPrefix("activations/") {
      entries[entry.name] = nil
    }
    #expect(try validate(against: entries).passes)
    #expect(!(try validate(Faults(leaf: ["blocks.0.fc": 0.02]), against: entries).passes))
  }

  @Test func marksStandInEveryReport() throws {
    let result = try validate(against: entries(listed: ["tail#1", "split", "outputs/0"]))
    let verdict = Verdict(model: "toy", result: result)
    #expect(
      result.layers.filter { !$0.isRepeatable }.map(\.name) == ["tail#1", "split/0", "split/1"])
    let text = TerminalReport(width: 120).text(verdict)
    #expect(text.contains("tail#1 ‡") || text.contains("split/1 ‡"))
    #expect(text.contains("‡ two runs of PyTorch differ here"))
    #expect(Headline.line(verdict).contains("4 recorded by chance, not repeatable in PyTorch"))
    guard case .array(let layers)? = verdict.json["layers"] else {
      Issue.record("no layers")
      return
    }
    let marked = layers.filter { $0["repeatable"] == .boolean(false) }
    #expect(marked.compactMap { $0["path"]?.stringValue } == ["tail", "split", "split"])
    #expect(marked.allSatisfy { $0["noise_doubt"]?.stringValue == "not-repeatable" })
    #expect(HTMLReport(verdict, command: "x").text.contains("‡"))
  }
}
