import Testing
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// References that were made in half precision, stored wider.
@Suite struct PrecisionTests {
  /// What the toy returns, each tensor rounded to a dtype and stored in float32, as the recorder does.
  ///
  /// - Parameter from: The first tensor, by its place, that is rounded.
  private func entries(
    _ dtype: DType, noise: Bool = false, told: Bool = true, autocast: Bool = false, from: Int = 0,
    to: Int = .max
  ) throws -> RecordedEntries {
    var entries = try RecordedEntries.toy(noise: noise)
    var names: [String] = []
    let recorded = entries.tensors.map(\.name).filter {
      $0.hasPrefix("activations/") || $0.hasPrefix("outputs/")
    }
    for (place, name) in recorded.enumerated() where place >= from && place < to {
      entries[name] = try entries[name]?.converted(to: dtype).converted(to: .float32)
      names.append("\"\(name)\": \"\(dtype == .float16 ? "float16" : "bfloat16")\"")
    }
    let claims = told ? names.joined(separator: ",") : ""
    let cast = autocast ? ", \"autocast\": \"bfloat16\"" : ""
    entries.metadata["metadata"] = "{\"dtypes\": {\(claims)}\(cast)}"
    return entries
  }

  @Test(arguments: [DType.bfloat16, .float16], [true, false])
  func limitsFollowFromTheRecordedDType(_ dtype: DType, _ noise: Bool) throws {
    let entries = try entries(dtype, noise: noise)
    for mode in OracleMode.allCases {
      for isolates in [true, false] {
        let right = try validate(against: entries) {
          $0.oracle = mode
          $0.isolates = isolates
        }
        #expect(right.passes, "\(right)")
        let error = dtype == .bfloat16 ? 0.2 : 0.02
        let wrong = try validate(Faults(leaf: ["blocks.0.fc": error]), against: entries) {
          $0.oracle = mode
          $0.isolates = isolates
        }
        #expect(wrong.statuses["blocks.0.fc"] == .source)
      }
    }
    // Without a word in the metadata the same values are judged as float32.
    #expect(!(try validate(against: self.entries(dtype, noise: true, told: false)).passes))
  }

  /// What follows something coarse has its rounding, whatever its own dtype; what comes before has not.
  @Test func coarsenessIsHandedDown() throws {
    let entries = try entries(.bfloat16, noise: true, autocast: true, from: 4, to: 6)
    let result = try validate(against: entries)
    #expect(result.passes, "\(result)")
    let names = result.layers.map(\.name)
    let first = try #require(result.layers.firstIndex { $0.hides != nil })
    #expect(first > 0)
    #expect(result.layers[first...].allSatisfy { $0.hides != nil }, "\(names)")
    let early = try #require(result.layers.first?.path.name)
    let wrong = try validate(Faults(leaf: [early: 1e-4]), against: entries)
    #expect(wrong.statuses[early] == .source)
  }

  /// A dtype that the values deny widens nothing.
  @Test func deniedDTypesAreNotBelieved() throws {
    var entries = try RecordedEntries.toy(noise: true)
    entries.metadata["metadata"] =
      #"{"dtypes": {"activations/blocks.0.fc": "bfloat16", "outputs/0": "float8_e5m2"}, "autocast": "bfloat16"}"#
    let right = try validate(against: entries)
    #expect(right.passes)
    #expect(right.blindness == nil)
    #expect(right.notes.contains { $0.hasPrefix("blocks.0.fc, outputs/0: the metadata names") })
    #expect(!(try validate(Faults(leaf: ["blocks.0.fc": 1e-3]), against: entries).passes))
  }

  /// 4 · 4 · 2⁻⁸ of a layer's values where no noise is known, 6.3 %; said in every report.
  @Test func whatIsHiddenIsSaid() throws {
    let result = try validate(against: entries(.bfloat16, autocast: true)) { $0.oracle = .never }
    let blindness = try #require(result.blindness)
    #expect(blindness.dtype == .bfloat16)
    #expect(blindness.autocast == .bfloat16)
    #expect(blindness.count == 11)
    #expect(blindness.usual == 0x1p-4)
    #expect(blindness.largest == 0x1p-4)
    let verdict = Verdict(model: "toy", result: result)
    let line = Headline.line(verdict)
    #expect(
      line.contains("recorded in bfloat16: errors below 6.3 % of a layer's values may not show"))
    #expect(verdict.json["precision"]?["hides_at_most"] == .number(0x1p-4))
    #expect(verdict.json["precision"]?["dtype"]?.stringValue == "bfloat16")
    guard case .array(let layers)? = verdict.json["layers"], let layer = layers.first else {
      Issue.record("no layers")
      return
    }
    #expect(layer["hides"] == .number(0x1p-4))
    #expect(layer["basis"]?.stringValue == "precision")
    let note = try #require(result.notes.first { $0.hasPrefix("the reference was recorded in") })
    #expect(note.contains("under autocast to bfloat16"))
    #expect(
      HTMLReport(verdict, command: "x").text
        .contains("Recorded in bfloat16: errors below 6.3 % of a layer&#39;s values may not show."))
    #expect(try validate(against: .toy(noise: true)).blindness == nil)
  }

  /// Eight bits show next to nothing, so what agrees in them is not proved. E5M2 is the upper half of
  /// float16.
  @Test func eightBitsAreNoProof() throws {
    var entries = try RecordedEntries.toy(noise: false)
    let names = entries.tensors.map(\.name).filter { !$0.hasPrefix("inputs/") }
    for name in names {
      let tensor = try #require(entries[name])
      let coarse = try tensor.elements(as: Float.self).map { value in
        let bits = Float16(value).bitPattern
        return Float(Float16(bitPattern: (bits & 0x7fff + 0x80) & 0xff00 | bits & 0x8000))
      }
      entries[name] = try Tensor(coarse, shape: tensor.shape)
    }
    let claims = names.map { "\"\($0)\": \"float8_e5m2\"" }.joined(separator: ",")
    entries.metadata["metadata"] = "{\"dtypes\": {\(claims)}}"
    let result = try validate(against: entries)
    #expect(!result.hasFailedLayer && !result.passes, "\(result)")
    #expect(result.gaps == [.coarse(.float8E5M2)])
    #expect(
      result.gaps.map(\.description) == ["recorded in float8_e5m2, which shows almost no error"])
    #expect(Headline.line(Verdict(model: "toy", result: result)).contains("almost no error"))
    #expect(try validate(against: entries) { $0.allowsPartial = true }.passes)
  }

  /// An error just above what is said to hide shows, one below does not.
  @Test func whatIsSaidIsTrue() throws {
    let entries = try entries(.bfloat16)
    let right = try validate(against: entries) { $0.oracle = .never }
    let layer = try #require(right.layer("blocks.0.fc"))
    let size = try #require(layer.cumulative?.figures.referenceRMS)
    let hidden = try #require(layer.hides) * size
    func status(_ error: Double) throws -> LayerStatus? {
      try validate(Faults(leaf: ["blocks.0.fc": error]), against: entries) { $0.oracle = .never }
        .statuses["blocks.0.fc"]
    }
    #expect(try status(1.2 * hidden) == .source)
    #expect(try status(0.8 * hidden) != .source)
  }
}
