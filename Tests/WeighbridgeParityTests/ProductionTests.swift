import Synchronization
import Testing
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// A linear layer whose fused path can differ from its stepwise one.
private struct Fused: Module {
  let path: ModulePath
  let blocks: Toy
  let error: Double

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try blocks.forward(x)
    return ProbeRun.current == nil && error != 0 ? try y.affine(shift: error) : y
  }
}

@Suite struct ProductionTests {
  private func result(_ error: Double, noise: Bool) throws -> ParityResult {
    let reference = try RecordedEntries.toy(noise: noise).reference()
    return try Validator(reference).validate(
      Fused(path: .root, blocks: Toy.load(), error: error)
    ) { try Fused(path: .root, blocks: Toy.load(dtype: .float64), error: error) }
  }

  @Test(arguments: [true, false])
  func whatAProgramRunsIsJudged(_ noise: Bool) throws {
    let right = try result(0, noise: noise)
    #expect(right.passes)
    #expect(right.production.map(\.status) == [.ok])
    let wrong = try result(0.25, noise: noise)
    #expect(!wrong.passes)
    #expect(wrong.layers.allSatisfy { $0.status == .ok })
    #expect(wrong.outputs.map(\.status) == [.ok])
    #expect(wrong.production.map(\.status) == [.source])
    #expect(wrong.firstDivergence == nil)
    let verdict = Verdict(model: "toy", result: wrong)
    #expect(verdict.exitStatus == 1)
    #expect(
      Headline.line(verdict).hasPrefix(
        "FAIL toy · every layer holds and the model as a program runs it does not: production/0"))
    let json = verdict.json["production"]
    #expect(json?["status"]?.stringValue == "source")
    let text = TerminalReport(width: 100).text(verdict)
    #expect(text.contains("\nsource") && text.contains("production/0"))
    #expect(JUnitReport().text(verdict).contains(#"name="production/0">"#))
    #expect(HTMLReport(verdict, command: "x").text.contains("production/0"))
  }

  /// What fails layer by layer fails as a program runs it, too, and is not two causes.
  @Test func failuresOfLayersAreInherited() throws {
    let wrong = try validate(Faults(leaf: ["blocks.0.fc": 0.5]), against: .toy())
    #expect(wrong.production.map(\.status) == [.inherited])
    #expect(wrong.firstDivergence?.name == "blocks.0.fc")
  }

  /// No noise that a file claims excuses a broken fused path, whatever may measure our own.
  @Test(arguments: [0.03, 0.5, 1e9, .nan, .infinity], OracleMode.allCases + [nil])
  func claimedNoiseExcusesNoFusedPath(_ share: Double, _ mode: OracleMode?) throws {
    var entries = try RecordedEntries.toy(noise: true)
    let output = try #require(entries["outputs/0"]).elements(as: Double.self)
    let rms = (output.reduce(0) { $0 + $1 * $1 } / Double(output.count)).squareRoot()
    for entry in entries.tensors where entry.name.hasPrefix("noise/") {
      entries[entry.name] = try Tensor([share * rms, share * rms], shape: [2])
    }
    var options = ValidationOptions()
    options.oracle = mode ?? .auto
    func result(_ error: Double) throws -> ParityResult {
      try Validator(entries.reference(), options: options).validate(
        Fused(path: .root, blocks: Toy.load(), error: error),
        oracle: mode != nil
          ? { try Fused(path: .root, blocks: Toy.load(dtype: .float64), error: error) } : nil)
    }
    #expect(try result(0).productionStatus == .ok)
    for error in [0.25, 0.01] {
      let wrong = try result(error)
      #expect(!wrong.passes)
      #expect(wrong.production.map(\.status) == [.source])
    }
  }

  /// A network in which the last bit of one input decides: fused, it takes the other side on these inputs,
  /// and on some that differ from them by one unit in the last place.
  @Test(arguments: [(4, true), (2, true), (1, false), (0, false)])
  func whatRoundingDecidesIsNoBrokenPath(_ right: Int, _ passes: Bool) throws {
    let reference = try RecordedEntries.toy(noise: true).reference()
    let calls = Counter()
    let result = try Validator(reference).validate(
      Deciding(path: .root, blocks: Toy.load(), calls: calls, wrong: { $0 < 2 || $0 >= 2 + right }))
    #expect(result.passes == passes)
    #expect(result.productionStatus == (passes ? .ok : .source))
    #expect(result.notes.contains { $0.contains("rounding decides") } == passes)
  }

  /// A run of a program that does not repeat itself is excused by nothing.
  @Test func whatDoesNotRepeatIsBroken() throws {
    let reference = try RecordedEntries.toy(noise: true).reference()
    let result = try Validator(reference).validate(
      Deciding(path: .root, blocks: Toy.load(), calls: Counter(), wrong: { $0 == 0 }))
    #expect(result.productionStatus == .source && !result.passes)
  }
}

private final class Counter: Sendable {
  private let count = Mutex(0)
  func next() -> Int {
    count.withLock {
      $0 += 1; return $0 - 1
    }
  }
}

/// Wrong in some of its unprobed runs.
private struct Deciding: Module {
  let path: ModulePath
  let blocks: Toy
  let calls: Counter
  let wrong: @Sendable (Int) -> Bool

  func forward(_ x: Tensor) throws -> Tensor {
    let y = try blocks.forward(x)
    guard ProbeRun.current == nil else { return y }
    // By its values: no graph stands for it.
    _ = try y.elements(as: Float.self)
    return wrong(calls.next()) ? try y.affine(shift: 0.25) : y
  }
}
