import Foundation
import Testing
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeTensors

@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

@Suite struct HostileReferenceTests {
  private func tensor(_ values: [Float] = [1], _ shape: Shape = [1]) throws -> Tensor {
    try Tensor(values, shape: shape)
  }

  @Test func checkpointIsNoReference() throws {
    let error = failure { try Reference(Toy.checkpoint()) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("no entry inputs/0") == true)
    #expect(error?.file == "toy.npz")
  }

  /// What is read of a file that another program writes into is a mixture.
  @Test func changeWhileItIsReadIsFound() throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("weighbridge-changing-\(UUID().uuidString).npz").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Checkpoints.write(path, format: .npz, tensors: RecordedEntries.toy().tensors)
    let (reference, inputs) = (try Reference(path: path), try InputFile(path))
    try reference.checkUnchanged()
    try inputs.checkUnchanged()
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.write(contentsOf: Data([0]))
    try file.close()
    for check in [reference.checkUnchanged, inputs.checkUnchanged] {
      let error = failure(check)
      #expect(error?.code == .unreadable && error?.file == path)
    }
  }

  @Test(arguments: [
    ("inputs/x", "'x' is not a number"), ("inputs/-1", "'-1' is not a number"),
    ("inputs/2", "is missing, though inputs/2 is there"),
    ("outputs/1", "is missing, though outputs/1 is there"), ("outputs/", "is not a number"),
    ("activations/", "no module path"), ("activations/a#b", "no module path"),
    ("activations/a#", "no module path"), ("activations/#1", "no module path"),
    ("activations/a/", "no module path"), ("inputs/99999999999999999999", "is not a number"),
  ])
  func brokenLayoutIsNamed(_ entry: String, _ message: String) throws {
    var entries = RecordedEntries()
    entries["inputs/0"] = try tensor()
    entries[entry] = try tensor()
    let error = failure { try entries.reference() }
    #expect(error?.code == .malformed)
    #expect(error?.description.contains(message) == true)
    #expect(error?.entry != nil)
  }

  @Test func keysAreRead() throws {
    var entries = RecordedEntries()
    for name in [
      "inputs/0", "activations/a.b", "activations/a.b#1", "activations/rnn/0", "activations/rnn/1",
      "activations/rnn#2/0", "activations/head/logits", "activations/head/boxes", "other",
      "network",
      "constants/0",
    ] { entries[name] = try tensor() }
    let reference = try entries.reference()
    #expect(
      reference.keys == [
        ActivationKey("a.b"), ActivationKey("a.b", call: 1), ActivationKey("rnn", item: 0),
        ActivationKey("rnn", item: 1), ActivationKey("rnn", call: 2, item: 0),
        ActivationKey("head", item: 0), ActivationKey("head", item: 1),
      ])
    #expect(reference.ignored == ["other"])
    #expect(try reference.tensors("rnn", call: 0)?.count == 2)
    #expect(try reference.tensors("a.b", call: 2) == nil)
  }

  @Test(arguments: [[1], [1, 2, 3], [-1, 0]])
  func noiseMustBeAPair(_ values: [Double]) throws {
    var entries = try RecordedEntries.toy(noise: true)
    entries["noise/blocks.0.fc"] = try Tensor(values, shape: [values.count])
    let error = failure { try validate(against: entries) }
    #expect(error?.code == .malformed)
    #expect(error?.entry == "noise/blocks.0.fc")
  }

  @Test(arguments: [
    "[1]", "{", #"{"config": 3}"#, #"{"model": 3}"#, #"{"framework": ["torch"]}"#,
  ])
  func metadataMustBeAnObject(_ text: String) throws {
    var entries = RecordedEntries()
    entries["inputs/0"] = try tensor()
    entries.metadata["metadata"] = text
    let error = failure { try entries.reference() }
    #expect(error?.code == .malformed)
    #expect(error?.entry == "metadata")
  }

  @Test func metadataThatCannotBeReadIsSaid() throws {
    var checkpoint = MemoryCheckpoint(
      [("inputs/0", try tensor())], path: "reference.npz", metadata: [:])
    checkpoint.skipped = [
      SkippedEntry(name: "metadata", reason: SkipReason(.objects, "is pickled"))
    ]
    let error = failure { try Reference(checkpoint) }
    #expect(error?.entry == "metadata" && error?.message == "is pickled")
  }

  @Test func metadataMayBeBytes() throws {
    var entries = RecordedEntries()
    entries["inputs/0"] = try tensor()
    let text = #"{"framework": "torch 2.13", "model": "stn", "config": {"align_corners": true}}"#
    entries["metadata"] = try Tensor(Array(text.utf8), shape: [text.utf8.count])
    let metadata = try entries.reference().metadata
    #expect(metadata.model == "stn")
    #expect(metadata.framework == "torch 2.13")
    entries["metadata"] = try tensor()
    #expect(failure { try entries.reference() }?.entry == "metadata")
  }

  @Test func missingActivationIsUnreferenced() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/blocks.1.relu"] = nil
    entries["activations/tail#1"] = nil
    let result = try validate(against: entries)
    #expect(result.passes)
    #expect(result.unreferenced == ["blocks.1.relu", "tail#1"])
    #expect(result.statuses["blocks.1.relu"] == .missing)
    #expect(result.comparedCount == 9)
    #expect(!(try validate(against: entries) { $0.requiresAll = true }.passes))
  }

  @Test func extraActivationIsUncovered() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/blocks.7.relu"] = try tensor()
    entries["activations/tail#2"] = try tensor()
    let result = try validate(against: entries)
    #expect(result.passes)
    #expect(result.uncovered == ["blocks.7.relu", "tail#2"])
    #expect(!(try validate(against: entries) { $0.requiresAll = true }.passes))
  }

  @Test func otherCountOfCallsIsNamed() throws {
    let result = try validate(Faults(tailCalls: 3), against: .toy())
    #expect(result.unreferenced == ["tail#2"])
    #expect(!result.passes)
    #expect(
      result.notes.contains("called a different number of times: tail (3 here, 2 recorded)"))
    var fewer = try RecordedEntries.toy()
    fewer["activations/tail#2"] = try tensor()
    let less = try validate(against: fewer)
    #expect(less.uncovered == ["tail#2"])
    #expect(less.notes.contains("called a different number of times: tail (2 here, 3 recorded)"))
    #expect(!(try validate(against: .toy()).notes.contains { $0.hasPrefix("called") }))
  }

  /// A batch of nothing shows nothing.
  @Test(arguments: [true, false])
  func emptyBatchIsNoPass(_ noise: Bool) throws {
    var entries = try RecordedEntries.toy(noise: noise)
    for (index, entry) in entries.tensors.enumerated() where !entry.name.hasPrefix("noise/") {
      let shape = Shape([0] + entry.tensor.shape.dropFirst())
      entries.tensors[index].tensor = try Tensor([Float](), shape: shape)
    }
    let result = try validate(against: entries)
    #expect(!result.passes)
    #expect(result.comparedCount == 0)
    #expect(result.layers.allSatisfy { $0.status == .missing })
    #expect(result.outputs.map(\.status) == [.missing])
    #expect(result.uncovered.count == 11)
    #expect(result.notes.contains { $0.contains("and 6 more: holds no values") })
    #expect(
      Headline.line(Verdict(model: "toy", result: result))
        .contains("nothing was compared: what is recorded holds no values"))
  }

  /// One activation without elements does not hide the others.
  @Test func emptyActivationIsNotPassed() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/tail"] = try Tensor([Float](), shape: [0, 6])
    let result = try validate(against: entries)
    #expect(result.firstDivergence?.name == "tail")
    #expect(result.firstDivergence?.reason == "recorded shape [0, 6], got [3, 6]")
  }

  /// No noise that a file tells excuses an error.
  @Test(arguments: [
    ([1e9, 1e9], NoiseDoubt.aboveActivation), ([0.5, 1e9], .aboveActivation),
    ([1.7e308, 1.7e308], .aboveActivation), ([.nan, .nan], .notFinite), ([0, .nan], .notFinite),
    ([.infinity, .infinity], .notFinite), ([0.2, 0.3], .bounded),
  ])
  func absurdNoiseIsNotBelieved(_ values: [Double], _ doubt: NoiseDoubt) throws {
    var entries = try RecordedEntries.toy(noise: true)
    for (index, entry) in entries.tensors.enumerated() where entry.name.hasPrefix("noise/") {
      entries.tensors[index].tensor = try Tensor(values, shape: [2])
    }
    for mode in OracleMode.allCases {
      let wrong = try validate(Faults(leaf: ["blocks.0.fc": 0.5]), against: entries) {
        $0.oracle = mode
      }
      #expect(!wrong.passes)
      #expect(wrong.firstDivergence?.name == "blocks.0.fc")
      #expect(wrong.layer("blocks.0.fc")?.cumulative?.judgement.doubt == doubt)
      #expect(wrong.notes.contains { $0.hasPrefix("blocks.0.fc, ") && $0.hasSuffix(doubt.text) })
    }
    #expect(try validate(against: entries).passes)
  }

  @Test func moduleThatIsNotRecordedIsNamed() throws {
    let result = try validate(Faults(hasExtra: true), against: .toy())
    #expect(result.passes)
    #expect(result.unreferenced == ["blocks.0.extra", "blocks.1.extra"])
  }

  @Test func moduleRecordedUnderItsOtherNameIsExplained() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/blocks.1.relu"] = nil
    entries.metadata["metadata"] = #"{"aliases": {"blocks.1.relu": "blocks.0.relu", "x": "y"}}"#
    let result = try validate(against: entries)
    #expect(result.unreferenced == ["blocks.1.relu"])
    #expect(
      result.notes.contains(
        "the same module by another name: blocks.1.relu (recorded as blocks.0.relu)"))
  }

  @Test(arguments: ["3", #"["a"]"#, #"{"a": 1}"#])
  func aliasesThatAreNoTextsAreSaid(_ aliases: String) throws {
    var entries = try RecordedEntries.toy()
    entries.metadata["metadata"] = #"{"aliases": \#(aliases)}"#
    let error = failure { try validate(against: entries) }
    #expect(error?.code == .malformed && error?.entry == "metadata")
    #expect(error?.message == "the metadata's aliases is not an object of texts")
  }

  /// A noise of nothing that is recorded has no effect: its name may be a mistake.
  @Test func noiseOfNothingIsSaid() throws {
    var entries = try RecordedEntries.toy(noise: true)
    for name in ["tale", "outputs/7", "outputs/x"] {
      entries["noise/\(name)"] = try Tensor([0, 0] as [Double], shape: [2])
    }
    #expect(
      try entries.reference().ignored == ["noise/outputs/7", "noise/outputs/x", "noise/tale"])
    #expect(try RecordedEntries.toy(noise: true).reference().ignored.isEmpty)
  }

  @Test func wrongShapeFails() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/blocks.0.fc"] = try tensor([1, 2], [2])
    let result = try validate(against: entries)
    #expect(!result.passes)
    #expect(result.firstDivergence?.name == "blocks.0.fc")
    #expect(result.firstDivergence?.reason == "recorded shape [2], got [3, 6]")
    #expect(result.layer("blocks.0.fc")?.cumulative == nil)
  }

  @Test func integerActivationIsNotPassed() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/tail"] = try Tensor([Int64](repeating: 0, count: 18), shape: [3, 6])
    let result = try validate(against: entries)
    #expect(result.statuses["tail"] == .missing)
    #expect(result.uncovered == ["tail"])
    #expect(result.comparedCount == 10)
    #expect(result.notes.contains { $0.contains("int64") })
  }

  @Test func recordedNaNIsNotPassed() throws {
    var entries = try RecordedEntries.toy()
    var values = try #require(entries["activations/tail"]).elements(as: Float.self)
    values[3] = .nan
    entries["activations/tail"] = try tensor(values, [3, 6])
    let result = try validate(against: entries)
    #expect(!result.passes)
    #expect(result.statuses["tail"] == .nonfinite)
    #expect(result.layer("tail")?.reason == "the recorded activation holds 1 NaN")
  }

  @Test(arguments: [DType.float16, .bfloat16, .float64])
  func otherPrecisionsPass(_ dtype: DType) throws {
    var entries = try RecordedEntries.toy()
    for (index, entry) in entries.tensors.enumerated() where !entry.name.hasPrefix("inputs/") {
      entries.tensors[index].tensor = try entry.tensor.converted(to: dtype)
    }
    #expect(try validate(against: entries).passes)
    #expect(
      try validate(against: entries) {
        $0.oracle = .never; $0.isolates = false
      }.passes)
    let wrong = try validate(Faults(leaf: ["blocks.0.fc": 0.1]), against: entries)
    #expect(wrong.statuses["blocks.0.fc"] == .source)
  }

  @Test func nothingComparedIsNoPass() throws {
    var entries = RecordedEntries()
    entries["inputs/0"] = try Toy.input()
    let result = try validate(against: entries)
    #expect(!result.passes)
    #expect(result.comparedCount == 0)
    #expect(Verdict(model: "toy", result: result).exitStatus == 1)
    #expect(Headline.line(Verdict(model: "toy", result: result)).contains("nothing was compared"))
  }

  @Test func outputsAreCounted() throws {
    var entries = try RecordedEntries.toy()
    entries["outputs/1"] = try tensor()
    let result = try validate(against: entries)
    #expect(!result.passes)
    #expect(result.layer("outputs/1")?.reason == "the model returns 1 outputs")
    entries["outputs/0"] = nil
    entries["outputs/1"] = nil
    let without = try validate(against: entries) { $0.allowsPartial = true }
    #expect(without.passes)
    #expect(without.unreferenced == ["outputs/0"])
  }

  @Test func inputsOfAnotherModelAreExplained() throws {
    var entries = try RecordedEntries.toy()
    entries["inputs/0"] = try tensor([1, 2, 3], [1, 3])
    let error = failure { try validate(against: entries) }
    #expect(error?.code == .shape)
    #expect(error?.file == "reference.npz")
    #expect(error?.message.hasPrefix("the model cannot run on this reference's inputs") == true)
    entries["inputs/1"] = try tensor()
    #expect(failure { try validate(against: entries) }?.code == .shape)
  }
}

@Suite struct IsolatedNoiseTests {
  /// Noise that grew on the way to a layer does not excuse the layer's own error.
  @Test func ownErrorWithinTheWholeRunsNoise() throws {
    var entries = try RecordedEntries.toy(noise: true)
    entries["noise/blocks.1.fc"] = try Tensor([1e-3, 4e-3], shape: [2])
    entries["noise/blocks.1.relu"] = try Tensor([1e-3, 4e-3], shape: [2])
    entries["noise/blocks.1"] = try Tensor([1e-3, 4e-3], shape: [2])
    for name in entries.tensors.map(\.name)
    where name.hasPrefix("noise/tail") || name.hasPrefix("noise/split") || name == "noise/outputs/0"
    {
      entries[name] = try Tensor([1e-2, 1e-1], shape: [2])
    }
    #expect(try validate(against: entries).passes)
    let wrong = try validate(Faults(leaf: ["blocks.1.fc": 3e-4]), against: entries)
    #expect(!wrong.passes)
    #expect(wrong.firstDivergence?.name == "blocks.1.fc")
    #expect(wrong.firstDivergence?.status == .source)
    // Without the float64 run its rounding is measured by moving results by their last bit.
    let blind = try validate(Faults(leaf: ["blocks.1.fc": 3e-4]), against: entries) {
      $0.oracle = .never
    }
    #expect(blind.statuses["blocks.1.fc"] == .source)
    #expect(try validate(against: entries) { $0.oracle = .never }.passes)
  }
}
