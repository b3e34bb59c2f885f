import Testing
import WeighbridgeModules

@testable import WeighbridgeMapping

@Suite struct LoaderTests {
  let loader = Loader(ArchitectureRegistry([ToyNet.self]))

  @Test func identifiesInfersAndBinds() throws {
    let plan = try loader.plan(MemoryCheckpoint.toy())
    #expect(plan.architecture.id == "toy")
    #expect(try plan.configuration.integer("width") == 4)
    #expect(try plan.configuration.integer("classes") == 2)
    #expect(plan.report.isOneToOne)
    #expect(plan.report.matched.count == 8)
    #expect(plan.report.dead == [.init(name: "unused.weight", reason: "no forward uses it")])
    #expect(plan.report.notes.contains { $0.contains("toy, by names and shapes") })
    #expect(plan.report.notes.contains { $0.contains("heads=8") })
    let model = try #require(try plan.bind() as? ToyNet)
    #expect(try model.first.weight.elements(as: Float.self) == (1...12).map(Float.init))
    let wide = try #require(try plan.bind(dtype: .float64) as? ToyNet)
    #expect(wide.first.weight.dtype == .float64)
  }

  @Test func reportsEverythingAtOnce() throws {
    let checkpoint = MemoryCheckpoint.toy { tensors in
      tensors.removeAll { $0.name == "norm.weight" || $0.name == "norm.bias" }
      tensors.append(("extra.a", .blank([1])))
      tensors.append(("extra.b", .blank([2, 2])))
      tensors[1].tensor = .blank([5])
      tensors[3].tensor = .blank([4], .int32)
    }
    let plan = try loader.plan(checkpoint, model: "toy")
    let report = plan.report
    #expect(report.missing.map(\.parameter) == ["norm.weight", "norm.bias"])
    #expect(report.unexpected.map(\.name) == ["extra.a", "extra.b"])
    #expect(report.mismatched.map(\.parameter) == ["first.bias", "norm.running_var"])
    #expect(report.mismatched[0].reason == "expects [4], found [5]")
    #expect(report.mismatched[1].reason == "expects floating-point numbers, found int32")
    let error = try #require(failure { try plan.bind() })
    #expect(error.code == .mapping)
    #expect(error.file == "toy.npz")
    #expect(error.message.contains("2 missing (norm.weight, norm.bias)"))
    #expect(error.message.contains("2 unexpected (extra.a, extra.b)"))
    #expect(error.message.contains("2 that do not fit"))
  }

  @Test(arguments: [
    (["module."], "the prefix 'module.'"), (["_orig_mod."], "'_orig_mod.'"),
    (["model."], "'model.'"), (["module.", "_orig_mod."], "'_orig_mod.'"),
    (["state_dict."], "nested under 'state_dict'"), (["state_dict/"], "nested under 'state_dict'"),
    (["model_state_dict.", "module."], "nested under 'model_state_dict'"),
    (["state_dict_ema/", "module."], "nested under 'state_dict_ema'"),
  ])
  func wrappersAreRecognisedAndSaid(wrappers: [String], note: String) throws {
    let checkpoint = MemoryCheckpoint.toy { tensors in
      tensors = tensors.map { (wrappers.joined() + $0.name, $0.tensor) }
    }
    let plan = try loader.plan(checkpoint)
    #expect(plan.report.isOneToOne)
    #expect(plan.report.notes.contains { $0.contains(note) })
    #expect(plan.report.matched[0].source == wrappers.joined() + "first.weight")
    _ = try plan.bind()
  }

  @Test func whatStandsBesideTheStateDictIsLeftOutAndSaid() throws {
    let checkpoint = MemoryCheckpoint.toy { tensors in
      tensors = tensors.map { ("state_dict.\($0.name)", $0.tensor) }
      tensors.append(("optimizer.state.0.exp_avg", .blank([3])))
      tensors.append(("epoch", .blank([], .int64)))
    }
    let plan = try loader.plan(checkpoint)
    #expect(plan.report.isOneToOne)
    #expect(plan.report.notes.contains { $0.hasPrefix("2 entries beside 'state_dict' left out") })
  }

  @Test func aPrefixThatMostNamesHaveIsStripped() throws {
    let checkpoint = MemoryCheckpoint.toy { tensors in
      tensors = tensors.map { ("module.\($0.name)", $0.tensor) }
      tensors.append(("epoch", .blank([], .int64)))
    }
    let report = try loader.plan(checkpoint).report
    #expect(report.matched.count == 8)
    #expect(report.unexpected.map(\.name) == ["epoch"])
    #expect(report.notes.contains { $0.contains("stripped from 8 of 9 names") })
    let clash = MemoryCheckpoint.toy { tensors in
      tensors += tensors.map { ("module.\($0.name)", $0.tensor) }
      tensors.append(("module.extra", .blank([1])))
    }
    #expect(try !loader.plan(clash).report.isOneToOne)
  }

  @Test func extrasWithoutAWrapperAreUnexpected() throws {
    let checkpoint = MemoryCheckpoint.toy { $0.append(("optimizer.lr", .blank([]))) }
    #expect(try loader.plan(checkpoint).report.unexpected.map(\.name) == ["optimizer.lr"])
  }

  @Test func namesAreTriedAsTheyAreFirst() throws {
    struct Wrapped: Module {
      let path: ModulePath
      let layer: Linear
      init(_ w: WeightScope) throws {
        path = w.path
        layer = try Linear(w / "model" / "fc", in: 1, out: 1, bias: .absent)
      }
      func forward(_ x: Tensor) throws -> Tensor { try layer(x) }
    }
    let weight = try Tensor([Float(3)], shape: [1, 1])
    let model = try Weights.load(MemoryCheckpoint(["model.fc.weight": weight])) { try Wrapped($0) }
    #expect(try model.layer.weight.elements(as: Float.self) == [3])
    // In DataParallel the module's own prefix stays.
    _ = try Weights.load(MemoryCheckpoint(["module.model.fc.weight": weight])) { try Wrapped($0) }
  }

  @Test func countsOfBatchesMayBeThereOrNot() throws {
    let counted = MemoryCheckpoint.toy {
      $0.append(("norm.num_batches_tracked", .blank([], .int64)))
    }
    #expect(try loader.plan(counted).report.isOneToOne)
    let oneElement = MemoryCheckpoint.toy {
      $0.append(("norm.num_batches_tracked", .blank([1], .int64)))
    }
    #expect(try loader.plan(oneElement).report.isOneToOne)
  }

  @Test func optionalBiasesFollowTheCheckpoint() throws {
    let checkpoint = MemoryCheckpoint.toy { $0.append(("second.bias", .blank([2]))) }
    let plan = try loader.plan(checkpoint)
    #expect(plan.report.isOneToOne)
    #expect(plan.report.matched.contains { $0.parameter == "second.bias" })
  }

  @Test func suggestsNamesAndLayouts() throws {
    let checkpoint = MemoryCheckpoint.toy { tensors in
      tensors[2].name = "norm.wieght"
      tensors[6].tensor = .blank([4, 2])
    }
    let report = try loader.plan(checkpoint, model: "toy", overrides: []).report
    #expect(
      report.suggestions.contains { $0.parameter == "norm.weight" && $0.source == "norm.wieght" })
    // [4, 2] infers four classes; `second.weight` then wants [4, 4].
    #expect(report.mismatched.map(\.parameter) == ["second.weight"])
    let transposed = MemoryCheckpoint.toy { $0[0].tensor = .blank([3, 4]) }
    let error = try loader.plan(transposed, model: "toy").report
    #expect(!error.isOneToOne)
  }

  @Test func transposedMatrixIsHintedWithItsRule() throws {
    let checkpoint = MemoryCheckpoint(["fc.weight": .blank([5, 2])])
    let fit = try Candidates(checkpoint, rules: Rules()).best { _, source in
      try WeightScope.describe(source: source) {
        try Linear($0 / "fc", in: 5, out: 2, bias: .absent)
      }
    }
    let suggestion = try #require(fit.report.suggestions.first)
    #expect(suggestion.reason == "transposed")
    #expect(suggestion.rule.yaml == "- transpose: {tensor: fc.weight, axes: [-2, -1]}")
    let rules = try Rules(yaml: suggestion.rule.yaml)
    let fixed = try Candidates(checkpoint, rules: rules).best { _, source in
      try WeightScope.describe(source: source) {
        try Linear($0 / "fc", in: 5, out: 2, bias: .absent)
      }
    }
    #expect(fixed.report.isOneToOne)
  }

  @Test func configurationComesFromMetadataThenTheUser() throws {
    let reference = try RecordedMetadata(
      json: #"{"framework":"torch 2","model":"toy","config":{"heads":4,"width":4,"new":1}}"#)
    let plan = try loader.plan(MemoryCheckpoint.toy(), reference: reference)
    #expect(try plan.configuration.integer("heads") == 4)
    #expect(plan.report.notes.contains { $0.contains("key 'new'") })
    let given = try loader.plan(
      MemoryCheckpoint.toy(), overrides: [("heads", "2")], reference: reference)
    #expect(try given.configuration.integer("heads") == 2)
    #expect(given.report.notes.contains { $0.contains("overrules heads=4 of the reference") })
    // Another model's metadata is not this one's.
    let other = try RecordedMetadata(json: #"{"model":"other","config":{"heads":4}}"#)
    #expect(
      try loader.plan(MemoryCheckpoint.toy(), reference: other).configuration.integer("heads") == 8)
  }

  @Test func contradictionsNameBoth() throws {
    let error = try #require(
      failure { try loader.plan(MemoryCheckpoint.toy(), overrides: [("classes", "7")]) })
    #expect(error.code == .mapping)
    #expect(error.message.contains("classes=7") && error.message.contains("classes=2"))
  }

  @Test func wrongValuesAreUsage() throws {
    for override in [("heads", "many"), ("heads", "0"), ("nonsense", "1")] {
      let error = failure { try loader.plan(MemoryCheckpoint.toy(), overrides: [override]) }
      #expect(error?.code == .usage)
    }
    #expect(failure { try loader.plan(MemoryCheckpoint.toy(), model: "tyo") }?.code == .usage)
  }

  /// Nobody asked for these: the exit status is not that of wrong usage, and the values are told.
  @Test func wrongValuesOfFilesAreTheFiles() throws {
    let rule = try RecordedMetadata(json: #"{"model":"toy","config":{"heads":0}}"#)
    let broken = failure { try loader.plan(MemoryCheckpoint.toy(), reference: rule) }
    #expect(broken?.code == .mapping)
    #expect(broken?.message.contains("heads=0 (metadata)") == true, "\(String(describing: broken))")
    #expect(broken?.file != nil)
    let kind = try RecordedMetadata(json: #"{"model":"toy","config":{"heads":[2]}}"#)
    let odd = failure { try loader.plan(MemoryCheckpoint.toy(), reference: kind) }
    #expect(odd?.code == .malformed)
    #expect(odd?.message.hasPrefix("the reference's metadata: ") == true)
  }

  @Test func anotherModelsCheckpointIsAMappingError() throws {
    let other = MemoryCheckpoint(["a.weight": .blank([2, 2])], path: "other.npz")
    let error = try #require(failure { try loader.plan(other, model: "toy") })
    #expect(error.code == .mapping)
    #expect(error.file == "other.npz")
    let unknown = try #require(failure { try loader.plan(other) })
    #expect(unknown.code == .mapping)
    #expect(unknown.message.contains("no known architecture"))
    let near = MemoryCheckpoint.toy { $0.removeAll { $0.name == "first.weight" } }
    let nearest = try #require(failure { try loader.plan(near) })
    #expect(nearest.message.contains("no known architecture"))
    let empty = try #require(failure { try loader.plan(MemoryCheckpoint([])) })
    #expect(empty.message.contains("no tensors"))
  }

  @Test func badWeightsAreCounted() throws {
    let checkpoint = MemoryCheckpoint.toy { tensors in
      tensors[0].tensor =
        (try? Tensor(
          [Float.nan, .infinity, -.infinity] + [Float](repeating: 0, count: 9), shape: [4, 3]))
        ?? tensors[0].tensor
    }
    let found = try loader.plan(checkpoint).nonFiniteWeights()
    #expect(found == [NonFiniteWeights(parameter: "first.weight", nan: 1, infinite: 2)])
  }
}
