import Testing
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeComparison
@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// References that hold a subset of large activations' elements, and sums.
@Suite struct SampledReferenceTests {
  /// The values of the recorder's tests, computed from the definition one number at a time.
  @Test func indicesAreThoseOfTheRecorder() {
    let indices = SampleIndices(seed: 7, name: "layer1.0.relu#1", count: 1000, limit: 10)
    #expect(
      (0..<indices.taken).map { indices[$0] } == [89, 197, 288, 348, 459, 543, 639, 700, 886, 904])
    #expect(indices.checkValue == "f9e29e578b0a83e7")
    let many = SampleIndices(seed: -1, name: "naïve/0", count: 1_000_000_000_007, limit: 16)
    #expect(many[0] == 55_448_848_369)
    #expect(many[15] == 940_194_157_111)
    #expect(many.checkValue == "0d991c4d9c4afe4b")
    // The generator's first output for the seed 1234567, and the hash of "a", as published.
    #expect(SampleIndices.mix(1_234_567 &+ 0x9E37_79B9_7F4A_7C15) == 6_457_827_717_110_365_317)
    #expect(SampleIndices.hash("a") == 0xAF63_DC4C_8601_EC8C)
  }

  @Test(arguments: [1, 5, 17, 18, 1000])
  func indicesAscendAndLieInside(_ count: Int) {
    let indices = SampleIndices(seed: 3, name: "a", count: count, limit: 17)
    let all = (0..<indices.taken).map { indices[$0] }
    #expect(all.count == min(17, count))
    #expect(all == Set(all).sorted())
    #expect(all.allSatisfy { (0..<count).contains($0) })
    #expect(count > 17 || all == Array(0..<count))
  }

  @Test(arguments: [true, false])
  func rightModelPasses(_ noise: Bool) throws {
    let result = try validate(against: .toy(noise: noise).sampled())
    #expect(result.passes)
    #expect(result.layers.count == 10)
    #expect(result.layers.allSatisfy { $0.status == .ok && $0.cumulative?.figures.count == 7 })
    #expect(result.layers.allSatisfy { $0.shape == [3, 6] })
    #expect(result.outputs.first?.cumulative?.figures.means == nil)
    #expect(result.notes.contains { $0.hasPrefix("10 of 10 activations") && $0.contains("seed 4") })
    #expect(result.uncovered.isEmpty && result.unreferenced.isEmpty)
    #expect(try validate(against: .toy(noise: noise).sampled()) { $0.oracle = .never }.passes)
  }

  /// Nothing can be set right, so that the first failure is the cause of those after it.
  @Test func firstFailureIsTheCause() throws {
    let faults = Faults(leaf: ["blocks.0.fc": 1e-3, "blocks.1.fc": 1e-3])
    let result = try validate(faults, against: .toy().sampled())
    #expect(result.firstDivergence?.name == "blocks.0.fc")
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.statuses["blocks.0.relu"] == .inherited)
    #expect(result.statuses["blocks.1.fc"] == .inherited)
    #expect(
      result.layer("blocks.1.fc")?.reason
        == "or wrong itself: blocks.0.fc is sampled and could not be set right")
    #expect(result.statuses["outputs/0"] == .inherited)
    #expect(result.layers.count { $0.status == .source } == 1)
  }

  /// A layer whose input is recorded whole is judged, whatever went wrong before it.
  @Test func layerWithARecordedInputIsJudgedAfterASampledOneThatFails() throws {
    let entries = try RecordedEntries.toy().sampled { $0 == "blocks.0.fc" }
    let faults = Faults(leaf: ["blocks.0.fc": 1e-3, "blocks.1.fc": 1e-3])
    let result = try validate(faults, against: entries)
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.statuses["blocks.0.relu"] == .inherited)
    #expect(result.statuses["blocks.1.fc"] == .source)
    let glue = Faults(leaf: ["blocks.0.fc": 1e-3], glue: ["blocks.0": 1e-3, "blocks.1": 1e-3])
    let joined = try validate(glue, against: entries)
    // What joins the children of the first block works on an output that could not be replaced.
    #expect(joined.statuses["blocks.0"] == .inherited)
    #expect(joined.statuses["blocks.1"] == .glue)
  }

  /// A whole activation before a sampled one is set right, so that the sampled one is seen clean.
  @Test func sampledLayerAfterAWholeOneIsJudgedAlone() throws {
    let entries = try RecordedEntries.toy().sampled { $0.hasPrefix("blocks.1") }
    let result = try validate(Faults(leaf: ["blocks.0.fc": 1e-3]), against: entries)
    #expect(result.statuses["blocks.0.fc"] == .source)
    #expect(result.statuses["blocks.1.fc"] == .inherited)
    #expect(result.layer("blocks.1.fc")?.reason == nil)
    #expect(result.layer("blocks.1.fc")?.isolated?.holds == true)
    let two = Faults(leaf: ["blocks.0.fc": 1e-3, "blocks.1.fc": 1e-3])
    let both = try validate(two, against: entries)
    #expect(
      both.layers.filter { $0.status == .source }.map(\.name) == ["blocks.0.fc", "blocks.1.fc"])
  }

  @Test func joinThatIsSampledIsGlue() throws {
    let result = try validate(Faults(glue: ["blocks.0": 1e-3]), against: .toy().sampled())
    #expect(result.statuses["blocks.0.fc"] == .ok)
    #expect(result.statuses["blocks.0"] == .glue)
    #expect(result.firstDivergence?.name == "blocks.0")
  }

  /// An element that was not sampled shows in the sums.
  @Test func sumsSeeWhatSamplesDoNot() throws {
    var entries = try RecordedEntries.toy()
    let whole = try #require(entries["activations/tail"])
    entries = try entries.sampled()
    let indices = SampleIndices(seed: 4, name: "tail", count: 18, limit: 7)
    let taken = Set((0..<7).map { indices[$0] })
    let missed = try #require((0..<18).first { !taken.contains($0) })
    var values = try whole.elements(as: Double.self)
    values[missed] += 0.01
    entries["sums/tail"] = try Tensor(
      (0..<3).map { row in values[row * 6..<row * 6 + 6].reduce(0, +) }, shape: [3])
    let result = try validate(against: entries)
    let layer = try #require(result.layer("tail"))
    #expect(layer.status == .source)
    #expect(layer.cumulative?.judgement.ratio == 0)
    #expect(layer.cumulative?.figures.means?.worst == [missed / 6])
    #expect(layer.reason?.hasPrefix("the mean at [\(missed / 6)] is off by 1.7e-03") == true)
    #expect(
      !(try validate(against: entries) {
        $0.oracle = .never; $0.isolates = false
      }.passes))
  }

  @Test func nonFiniteSumsAreNamed() throws {
    var entries = try RecordedEntries.toy().sampled()
    entries["sums/tail"] = try Tensor([1, Double.nan, 2], shape: [3])
    var layer = try #require(try validate(against: entries).layer("tail"))
    #expect(layer.status == .nonfinite)
    #expect(layer.reason == "1 sums of the recorded activation are NaN")
    entries["sums/tail"] = try Tensor([1, Double.infinity, 2], shape: [3])
    layer = try #require(try validate(against: entries).layer("tail"))
    #expect(layer.status == .source)
    #expect(layer.reason == "1 of 3 sums are NaN or infinite on one side only")
  }

  @Test func otherShapeFails() throws {
    var entries = try RecordedEntries.toy()
    entries["activations/tail"] = try Tensor([Float](repeating: 0, count: 24), shape: [4, 6])
    let layer = try validate(against: entries.sampled()).layer("tail")
    #expect(layer?.status == .source)
    #expect(layer?.reason == "recorded shape [4, 6], got [3, 6]")
  }

  @Test func halfPrecisionSamplesPass() throws {
    var entries = try RecordedEntries.toy()
    for (index, entry) in entries.tensors.enumerated() where !entry.name.hasPrefix("inputs/") {
      entries.tensors[index].tensor = try entry.tensor.converted(to: .float16)
    }
    #expect(try validate(against: entries.sampled()).passes)
    let wrong = try validate(Faults(leaf: ["blocks.0.fc": 0.1]), against: entries.sampled())
    #expect(wrong.statuses["blocks.0.fc"] == .source)
  }

  private struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var says: String
    var entry: String
    var change: @Sendable (inout RecordedEntries) throws -> Void
  }

  private static let damages: [Damage] = [
    Damage(
      testDescription: "another seed", says: "sampled with another seed than the metadata says",
      entry: "samples/blocks.0.fc"
    ) {
      $0.metadata["metadata"] = $0.metadata["metadata"]?.replacing("\"seed\":4", with: "\"seed\":5")
    },
    Damage(
      testDescription: "another limit", says: "5 of 18 elements must be here (limit 5)",
      entry: "samples/blocks.0.fc"
    ) {
      $0.metadata["metadata"] = $0.metadata["metadata"]?.replacing(
        "\"limit\":7", with: "\"limit\":5")
    },
    Damage(
      testDescription: "another algorithm", says: "sampled by 'dice', version 1", entry: "metadata"
    ) {
      $0.metadata["metadata"] = $0.metadata["metadata"]?.replacing(
        SampleIndices.algorithm, with: "dice")
    },
    Damage(
      testDescription: "a sampling that is none", says: "is not {algorithm", entry: "metadata"
    ) {
      $0.metadata["metadata"] = #"{"sampling": {"seed": "four"}}"#
    },
    Damage(
      testDescription: "no metadata", says: "the metadata does not say how", entry: "metadata"
    ) { $0.metadata = [:] },
    Damage(
      testDescription: "an activation the metadata does not know",
      says: "does not say which elements these are", entry: "samples/tail#7"
    ) { $0["samples/tail#7"] = try Tensor([Float](repeating: 0, count: 7), shape: [7]) },
    Damage(
      testDescription: "a huge shape", says: "does not say which elements", entry: "samples/tail"
    ) {
      let huge = #""tail":{"shape":[4611686018427387904,4],"#
      $0.metadata["metadata"] = $0.metadata["metadata"]?.replacing(
        #""tail":{"shape":[3,6],"#, with: huge)
    },
    Damage(testDescription: "no sums", says: "the sums are missing", entry: "samples/tail") {
      $0["sums/tail"] = nil
    },
    Damage(
      testDescription: "sums of another shape", says: "sums must be float64", entry: "sums/tail"
    ) {
      $0["sums/tail"] = try Tensor([1.0, 2], shape: [2])
    },
    Damage(
      testDescription: "sums of another type", says: "sums must be float64", entry: "sums/tail"
    ) {
      $0["sums/tail"] = try Tensor([Float(1), 2, 3], shape: [3])
    },
    Damage(
      testDescription: "the same activation whole", says: "another entry records the same call",
      entry: "activations/tail"
    ) { $0["activations/tail"] = try Tensor([Float](repeating: 0, count: 18), shape: [3, 6]) },
  ]

  @Test(arguments: damages)
  private func damageIsNamed(_ damage: Damage) throws {
    var entries = try RecordedEntries.toy().sampled()
    try damage.change(&entries)
    let error = failure { try entries.reference() }
    #expect(error?.code == .malformed || error?.code == .unsupported)
    #expect(error?.message.contains(damage.says) == true, "\(error?.description ?? "no error")")
    #expect(error?.entry == damage.entry)
    #expect(error?.file == "reference.npz")
    #expect(error?.remedy != nil)
  }

  @Test func twoSampledReferencesAreCompared() throws {
    let (whole, sampled) = (try RecordedEntries.toy(), try RecordedEntries.toy().sampled())
    #expect(try ReferenceDiff(whole.reference(), sampled.reference()).holds)
    #expect(try ReferenceDiff(sampled.reference(), whole.reference()).holds)
    #expect(try ReferenceDiff(sampled.reference(), sampled.reference()).holds)
    let other = try whole.sampled(seed: 5)
    #expect(!(try ReferenceDiff(sampled.reference(), other.reference()).holds))
  }
}

extension RecordedEntries {
  /// The same with samples and sums in place of some activations, all of one size.
  func sampled(
    seed: Int = 4, limit: Int = 7, where isWanted: (String) -> Bool = { _ in true }
  ) throws -> RecordedEntries {
    var result = RecordedEntries()
    var told: [JSONDocument.Member] = []
    for entry in tensors {
      guard entry.name.hasPrefix("activations/"),
        case let name = String(entry.name.dropFirst("activations/".count)), isWanted(name)
      else {
        result.tensors.append(entry)
        continue
      }
      let tensor = entry.tensor
      let indices = SampleIndices(
        seed: seed, name: name, count: tensor.elementCount, limit: limit)
      let values = try tensor.elements(as: Double.self)
      let (rows, width) = (tensor.shape[0], tensor.elementCount / tensor.shape[0])
      result.tensors.append(
        ("samples/\(name)", try Comparison.gathered(tensor.contiguous(), indices)))
      result.tensors.append(
        (
          "sums/\(name)",
          try Tensor(
            (0..<rows).map { values[$0 * width..<($0 + 1) * width].reduce(0, +) }, shape: [rows])
        ))
      told.append(
        .init(
          name,
          .members([
            "shape": .array(tensor.shape.map { .integer($0) }),
            "check": .string(indices.checkValue),
          ])))
    }
    result.metadata["metadata"] = JSONDocument.members([
      "sampling": .members([
        "algorithm": .string(SampleIndices.algorithm), "version": .integer(SampleIndices.version),
        "seed": .integer(seed), "limit": .integer(limit), "entries": .object(told),
      ])
    ]).text()
    return result
  }
}
