import Testing
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeJudgement
@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

@Suite struct StatusTests {
  @Test(arguments: [true, false])
  func rightModelPasses(_ noise: Bool) throws {
    let result = try validate(against: .toy(noise: noise))
    #expect(result.passes)
    #expect(result.statuses.values.allSatisfy { $0 == .ok })
    #expect(result.uncovered.isEmpty)
    #expect(result.unreferenced.isEmpty)
    #expect(result.firstDivergence == nil)
    // Two blocks of three modules, two calls of tail, two tensors of split, one output.
    #expect(result.layers.count == 10)
    #expect(result.outputs.count == 1)
    #expect(
      result.layers.map(\.name) == [
        "blocks.0.fc", "blocks.0.relu", "blocks.0", "blocks.1.fc", "blocks.1.relu", "blocks.1",
        "tail", "tail#1", "split/0", "split/1",
      ])
  }

  @Test(arguments: [true, false])
  func wrongLeafIsTheSource(_ noise: Bool) throws {
    let result = try validate(Faults(leaf: ["blocks.0.fc": 1e-3]), against: .toy(noise: noise))
    #expect(!result.passes)
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.statuses["blocks.0.relu"] == .inherited)
    #expect(result.statuses["blocks.0"] == .inherited)
    #expect(result.statuses["blocks.1.fc"] == .inherited)
    #expect(result.statuses["outputs/0"] == .inherited)
    #expect(result.firstDivergence?.name == "blocks.0.fc")
    #expect(result.layers.count { $0.status == .source } == 1)
  }

  @Test func wrongJoinIsGlue() throws {
    let result = try validate(Faults(glue: ["blocks.1": 1e-3]), against: .toy())
    #expect(result.statuses["blocks.0"] == .ok)
    #expect(result.statuses["blocks.1.fc"] == .ok)
    #expect(result.statuses["blocks.1"] == .glue)
    #expect(result.statuses["tail"] == .inherited)
    #expect(result.firstDivergence?.name == "blocks.1")
  }

  @Test func wrongOutputAloneIsGlueOfTheModel() throws {
    let result = try validate(Faults(doublesOutput: true), against: .toy())
    #expect(!result.passes)
    #expect(result.layers.allSatisfy { $0.status == .ok })
    #expect(result.outputs.map(\.status) == [.glue])
    #expect(result.firstDivergence?.name == "outputs/0")
  }

  /// A leaf that was given a wrong input by its parent is told from a wrong leaf by what it returns
  /// for the recorded tensors. One that was given a recorded result stands accused alone.
  @Test func inputComputedOnTheWayIsNamed() throws {
    let fed = try validate(Faults(wayToTail: 1e-3), against: .toy())
    #expect(fed.firstDivergence?.name == "tail")
    #expect(fed.firstDivergence?.status == .glue)
    #expect(fed.firstDivergence?.reason == "its input is what the model computes wrongly")
    #expect(fed.diagnoses.map(\.best.cause.kind) == [.operationExtra])
    #expect(fed.diagnoses.map(\.path) == [.root])
    let own = try validate(Faults(leaf: ["blocks.1.fc": 1e-3]), against: .toy())
    #expect(own.firstDivergence?.reason == nil)
    #expect(own.details.map(\.line.description) == ["blocks.1.fc"])
  }

  @Test func twoSourcesAreBothFound() throws {
    let faults = Faults(leaf: ["blocks.0.fc": 1e-3, "blocks.1.fc": 1e-3])
    let result = try validate(faults, against: .toy())
    #expect(
      result.layers.filter { $0.status == .source }.map(\.name) == ["blocks.0.fc", "blocks.1.fc"])
  }

  @Test func firstNaNIsNamed() throws {
    let result = try validate(Faults(nan: ["blocks.1.fc"]), against: .toy())
    #expect(result.statuses["blocks.1.fc"] == .nonfinite)
    #expect(result.layer("blocks.1.fc")?.reason?.contains("1 of 18 values") == true)
    #expect(result.statuses["blocks.1"] == .inherited)
    #expect(result.firstDivergence?.name == "blocks.1.fc")
  }

  @Test func withoutIsolationTheFirstFailureIsTheCause() throws {
    let result = try validate(Faults(leaf: ["blocks.0.fc": 1e-3]), against: .toy()) {
      $0.isolates = false
    }
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.statuses["blocks.0.relu"] == .inherited)
    #expect(result.layer("blocks.0.fc")?.isolated == nil)
  }

  /// An error of the size of float32's own rounding is none.
  @Test func roundingPasses() throws {
    let faults = Faults(leaf: ["blocks.0.fc": 1e-7])
    #expect(try validate(faults, against: .toy(noise: true)).passes)
    #expect(try validate(faults, against: .toy()).passes)
  }

  @Test func toleranceOfTheUserReplacesNoise() throws {
    let faults = Faults(leaf: ["blocks.0.fc": 1e-3])
    let loose = try validate(faults, against: .toy(noise: true)) {
      $0.tolerance = ElementwiseTolerance(relative: 0, absolute: 0.1)
    }
    #expect(loose.passes)
    #expect(loose.layers.allSatisfy { $0.cumulative?.judgement.basis == .elementwise })
    let tight = try validate(against: .toy(noise: true)) {
      $0.tolerance = ElementwiseTolerance(relative: 0, absolute: 0)
    }
    #expect(tight.passes, "the same model on the same machine gives the same bits")
  }

  @Test func noiseDecidesTheBasis() throws {
    let recorded = try validate(against: .toy(noise: true))
    #expect(recorded.layers.allSatisfy { $0.cumulative?.judgement.basis == .recordedNoise })
    #expect(recorded.seconds.oracle == 0)
    let own = try validate(against: .toy())
    #expect(own.layers.allSatisfy { $0.cumulative?.judgement.basis == .ownNoise })
    #expect(own.layers.allSatisfy { $0.ownNoise != nil })
    #expect(own.outputs.allSatisfy { $0.ownNoise != nil })
    let defaults = try validate(against: .toy()) { $0.oracle = .never }
    #expect(defaults.layers.allSatisfy { $0.cumulative?.judgement.basis == .elementwise })
    #expect(defaults.passes)
    let both = try validate(against: .toy(noise: true)) { $0.oracle = .always }
    #expect(both.layers.allSatisfy { $0.ownNoise != nil && $0.recordedNoise != nil })
  }

  @Test func oracleThatFailsIsRemarked() throws {
    let broken: () throws -> any Module = { throw WeighbridgeError(.unsupported, "no float64") }
    let reference = try RecordedEntries.toy().reference()
    let result = try Validator(reference).validate(Toy.load(), oracle: broken)
    #expect(result.passes)
    #expect(result.notes.contains { $0.contains("no float64") })
    #expect(result.layers.allSatisfy { $0.cumulative?.judgement.basis == .elementwise })
    var options = ValidationOptions()
    options.oracle = .always
    #expect(throws: WeighbridgeError.self) {
      try Validator(reference, options: options).validate(Toy.load(), oracle: broken)
    }
  }

  /// The oracle's distance from the reference must not excuse a wrong model: its own does not grow.
  @Test func wrongModelDoesNotExcuseItself() throws {
    let result = try validate(Faults(leaf: ["blocks.0.fc": 10]), against: .toy())
    let layer = try #require(result.layer("blocks.0.fc"))
    #expect(layer.status == .source)
    #expect(try #require(layer.ownNoise).rms < 1e-5)
  }
}

@Suite struct AmplificationTests {
  private func layer(_ error: Double, ratio: Double, status: LayerStatus = .ok) -> LayerVerdict {
    var figures = Figures()
    (figures.rms, figures.referenceRMS) = (error, 1)
    let judgement = Judgement(
      basis: .recordedNoise, ratio: ratio, limit: 4, largestRatio: nil, largestLimit: nil,
      holds: true)
    var layer = LayerVerdict(
      line: "a", kind: "Linear", shape: [], status: status, ownNoise: nil, recordedNoise: nil,
      isLeaf: true)
    layer.cumulative = Measurement(figures: figures, judgement: judgement)
    return layer
  }

  @Test func aGainFarAboveTheSiblingsIsMarked() {
    var layers = [1e-7, 1.2e-7, 1.1e-7, 3e-5, 3.1e-5, 3e-5].map { layer($0, ratio: 3) }
    Amplification.mark(&layers, parents: layers.map { _ in 0 })
    #expect(layers.map(\.status) == [.ok, .ok, .ok, .amplifier, .ok, .ok])
    #expect(layers[3].reason?.contains("siblings") == true)
  }

  @Test func failuresSmallErrorsAndOtherParentsAreNot() {
    let errors = [1e-7, 1.2e-7, 1.1e-7, 3e-5, 3.1e-5, 3e-5]
    var quiet = errors.map { layer($0, ratio: 1) }
    Amplification.mark(&quiet, parents: quiet.map { _ in 0 })
    #expect(quiet.allSatisfy { $0.status == .ok })
    var failing = errors.map { layer($0, ratio: 3, status: .inherited) }
    Amplification.mark(&failing, parents: failing.map { _ in 0 })
    #expect(failing.allSatisfy { $0.status == .inherited })
    var apart = errors.map { layer($0, ratio: 3) }
    Amplification.mark(&apart, parents: [0, 0, 0, 1, 1, 1])
    #expect(apart.allSatisfy { $0.status == .ok })
  }
}
