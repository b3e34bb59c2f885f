import TestSupport
import Testing
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeRunning
@testable import WeighbridgeVerdicts

/// softmax(w·x), whose result shows nothing of w where it is decided.
private struct Sharpened: ParameterizedModule {
  let path: ModulePath
  var factor: Tensor

  init(_ w: WeightScope) throws {
    path = w.path
    factor = try w.parameter("factor", .vector, [1])
  }

  func forward(_ x: Tensor) throws -> Tensor { try (x * factor).softmax(axis: -1) }

  var parameters: [ModuleParameter] { [.init("factor", .vector, factor)] }

  func replacing(_ tensors: [String: Tensor]) -> Sharpened {
    var copy = self
    copy.factor = tensors["factor"] ?? factor
    return copy
  }
}

/// (x + positions)·mask: a module that gives its parameters to nobody.
private struct Masked: Module {
  let path: ModulePath
  let positions: Tensor
  let mask: Float

  init(_ w: WeightScope, keeps: Bool) throws {
    path = w.path
    positions = try w.parameter("positions", .embedding, [1, 4, 6])
    mask = keeps ? 1 : 0
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try (x + positions).affine(scale: Double(mask))
  }
}

/// A module with two parts, of which one can be hidden.
private struct Halves: ParameterizedModule {
  let path: ModulePath
  var weight: Tensor

  init(_ w: WeightScope) throws {
    path = w.path
    weight = try w.parameter("weight", .vector, [6])
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try x.narrowed(-1, start: 0, length: 3) * weight.narrowed(0, start: 0, length: 3)
  }

  var parameters: [ModuleParameter] {
    [.init("weight", .vector, weight, sections: ["used", "unused"])]
  }

  func replacing(_ tensors: [String: Tensor]) -> Halves {
    var copy = self
    copy.weight = tensors["weight"] ?? weight
    return copy
  }
}

@Suite struct ReachTests {
  /// The verdict on a model against what it returned itself.
  private func verdict(
    _ layers: Layers, input: Tensor, given: [String: Tensor] = [:],
    keeping isKept: (String) -> Bool = { _ in true }, mode: ReachMode = .always,
    seconds: Double = 0.5,
    runs: (inout [String: Tensor]) -> Void = { _ in }
  ) throws -> Verdict {
    let right = try WeightScope.bind(DrawnWeights(given: given)) { try Chain($0, layers) }
    let probe = RecordingProbe()
    let outputs = try ProbeRun.with(probe) { try right.run([input]) }
    var entries = RecordedEntries()
    entries.tensors = [("inputs/0", input), ("outputs/0", outputs[0])]
    for found in probe.activations where found.key.path != .root && isKept(found.key.path.name) {
      entries.tensors.append(("activations/\(found.key)", found.tensor))
    }
    var mine = given
    runs(&mine)
    let weights = DrawnWeights(given: mine)
    let kept = KeptWeights()
    let model = try WeightScope.bind(weights, keeping: kept) { try Chain($0, layers) }
    var options = ValidationOptions()
    (options.reach, options.reachSeconds) = (mode, seconds)
    let result = try Validator(entries.reference(), options: options).validate(
      model,
      oracle: { try WeightScope.bind(weights, dtype: .float64) { try Chain($0, layers) } },
      rebinding: Rebinding(kept) { try Chain($0, layers) })
    return Verdict(model: "chain", result: result)
  }

  private func reach(
    _ layers: Layers, input: Tensor, given: [String: Tensor] = [:],
    keeping isKept: (String) -> Bool = { _ in true }
  ) throws -> Reach {
    let verdict = try verdict(layers, input: input, given: given, keeping: isKept)
    #expect(verdict.result?.hasFailedLayer == false)
    return try #require(verdict.result?.reach)
  }

  private func random(_ shape: Shape) throws -> Tensor {
    var generator = SplitMix(seed: 17)
    return try Tensor(
      (0..<shape.elementCount).map { _ in Float(generator.next(in: -2...2)) }, shape: shape)
  }

  private func filled(_ value: Float, _ shape: Shape) throws -> Tensor {
    try Tensor([Float](repeating: value, count: shape.elementCount), shape: shape)
  }

  private let mixed: Layers = [
    { try Conv2d($0, in: 3, out: 5, kernel: 3, padding: 1) },
    { try BatchNorm($0, channels: 5) },
    { SiLU($0) },
    { try GroupNorm($0, groups: 5, channels: 5) },
    { try Conv2d($0, in: 5, out: 4, kernel: 3, stride: 2, groups: 1, bias: .absent) },
    { try LayerNorm($0, features: 3) },
    { try Linear($0, in: 3, out: 2) },
  ]

  @Test func everythingIsSeenOfRandomImages() throws {
    let verdict = try verdict(mixed, input: random([2, 3, 7, 7]))
    let reach = try #require(verdict.result?.reach)
    #expect(reach.parameters.count == 13)
    #expect(reach.parameters.allSatisfy { $0.standing == .seen && $0.unseenCount == 0 })
    #expect(reach.unseenShare == 0 && reach.text == nil)
    #expect(verdict.json["unseen"] == .array([]))
    #expect(!Headline.line(verdict).contains("reacts"))
    #expect(verdict.json["seconds"]?["reach"] != nil)
  }

  @Test func zerosShowNoKernel() throws {
    let verdict = try verdict(mixed, input: filled(0, [2, 3, 7, 7]))
    let reach = try #require(verdict.result?.reach)
    // Constant channels are normalised to zero, too, and what follows is constant but not zero.
    let hidden = ["net.0.weight", "net.3.weight", "net.5.weight"]
    #expect(reach.unseen.map(\.name) == hidden)
    #expect(reach.unseen.first?.reason == "its input is zero throughout")
    #expect(reach.unseen.first?.unseenCount == 3 * 5 * 9)
    let share = Double(3 * 5 * 9 + 5 + 3) / Double(reach.parameters.reduce(0) { $0 + $1.count })
    #expect(reach.unseenShare == share)
    #expect(verdict.json["unseen"] == .strings(hidden))
    #expect(Headline.line(verdict).contains("no compared value reacts to 3 of 13 parameters"))
    let text = verdict.description
    #expect(text.contains("unseen, nothing compared reacts (3): net.0.weight (its input is zero"))
    #expect(JUnitReport().text(verdict).contains(#"name="unseen net.0.weight">"#))
    #expect(JUnitReport().text(verdict).contains(#"skipped="3""#))
    let html = HTMLReport(verdict, command: "x").text
    #expect(html.contains("Parameters that the reference does not show"))
    #expect(html.contains("No compared value reacts to 3 of 13 parameters"))
  }

  /// Without biases nothing but zeros arrives anywhere: any weights would do, and that is no proof.
  @Test func whatSeesNothingIsNoPass() throws {
    let layers: Layers = [
      { try Conv2d($0, in: 3, out: 4, kernel: 3, bias: .absent) }, { ReLU($0) },
      { try Conv2d($0, in: 4, out: 2, kernel: 1, bias: .absent) },
    ]
    let blind = try verdict(layers, input: filled(0, [1, 3, 5, 5]))
    #expect(blind.exitStatus == 1 && blind.result?.hasFailedLayer == false)
    let line = Headline.line(blind)
    #expect(line.hasPrefix("FAIL"))
    #expect(line.contains("most of the parameters could be anything"))
    #expect(
      blind.hints.first?.contains("on inputs like those") == true)
    #expect(
      blind.json["gaps"]
        == .strings(["most of the parameters could be anything: no compared value reacts to them"]))
    var accepted = blind
    accepted.result?.allowsPartial = true
    #expect(accepted.passes && accepted.result?.gaps == [])
    #expect(try verdict(layers, input: random([1, 3, 5, 5])).passes)
  }

  @Test func deadRectifiersShowNothingAfterThem() throws {
    let layers: Layers = [
      { try Linear($0, in: 6, out: 5) }, { ReLU($0) }, { try Linear($0, in: 5, out: 4) },
    ]
    var bias = try filled(-1000, [5])
    let input = try random([3, 6])
    #expect(
      try reach(layers, input: input, given: ["net.0.bias": bias]).unseen.map(\.name) == [
        "net.2.weight"
      ])
    // Without the first layer's own result, it hides behind the rectifier.
    let ends = try reach(layers, input: input, given: ["net.0.bias": bias]) { $0 == "net.1" }
    #expect(ends.unseen.map(\.name) == ["net.0.weight", "net.0.bias", "net.2.weight"])
    // Two of five are alive.
    bias = try Tensor([-1000, 1000, -1000, 1000, -1000] as [Float], shape: [5])
    let partly = try reach(layers, input: input, given: ["net.0.bias": bias])
    #expect(partly.unseen.isEmpty)
    #expect(partly.partlySeen.map(\.name) == ["net.2.weight"])
    #expect(partly.partlySeen.first?.unseenCount == 3 * 4)
    #expect(
      partly.partlySeen.first?.reason == "input features 0, 2, 4 of 5 are zero throughout")
  }

  @Test func decidedSoftmaxHidesItsFactor() throws {
    let layers: Layers = [{ try Linear($0, in: 6, out: 5) }, { try Sharpened($0) }]
    let input = try random([3, 6])
    #expect(
      try reach(layers, input: input, given: ["net.1.factor": filled(1e4, [1])]).unseen
        .map(\.name) == ["net.1.factor"])
    #expect(try reach(layers, input: input, given: ["net.1.factor": filled(1, [1])]).unseen.isEmpty)
  }

  /// Outputs alone, and no time at all: what does not show in them is still no proof, whether all of it
  /// hides together or a sample stands for the rest.
  @Test(arguments: [ReachMode.auto, .always])
  func whatOutputsDoNotShowIsFoundWithoutTime(_ mode: ReachMode) throws {
    let deep: Layers =
      (0..<40).map { _ in { try Linear($0, in: 6, out: 6) } } + [{ try Sharpened($0) }]
    let input = try random([16, 6])
    let last = try filled(1e6, [1])
    let decided = try verdict(
      deep, input: input, given: ["net.40.factor": last], keeping: { _ in false }, mode: mode,
      seconds: 0)
    let reach = try #require(decided.result?.reach)
    #expect(decided.exitStatus == 1 && decided.result?.gaps == [.unseen])
    #expect(2 * reach.unseen.count > reach.parameters.count - reach.untried.count)
    #expect(decided.hints.first?.contains("record activations") == true)
    let open = try verdict(
      deep, input: input, given: ["net.40.factor": filled(1, [1])], keeping: { _ in false },
      mode: mode, seconds: 0)
    #expect(open.passes)
    #expect(open.result?.reach?.untried.isEmpty == (mode == .always))
  }

  /// A sample of parameters stands for those that were not tried; what was found without a run stands for
  /// itself.
  @Test func samplesStandForTheRest() {
    func reach(_ counts: (Reach.Standing, Bool, Int)..., values: Int = 1) -> Reach {
      Reach(
        parameters: counts.flatMap { standing, isByRun, count in
          (0..<count).map {
            Reach.Parameter(
              name: "\(standing) \(isByRun) \($0)", count: standing == .seen ? values : 1,
              unseenCount: 0, standing: standing,
              cause: nil, isByRun: isByRun)
          }
        }, change: 1 / 16)
    }
    #expect(reach((.unseen, true, 5), (.seen, true, 3), (.untried, false, 92)).gap == .unseen)
    #expect(reach((.unseen, true, 3), (.seen, true, 5), (.untried, false, 92)).gap == nil)
    // Hidden by their inputs, which no sample is of.
    #expect(
      reach((.unseen, false, 20), (.seen, true, 8), (.untried, false, 72)).gap == nil)
    #expect(reach((.seen, false, 20), (.unseen, true, 8), (.untried, false, 72)).gap == .unseen)
    // Too few to stand for so many.
    #expect(reach((.unseen, true, 2), (.seen, false, 225), (.untried, false, 253)).gap == nil)
    #expect(reach((.unseen, true, 8), (.seen, false, 225), (.untried, false, 253)).gap == .unseen)
    // Bounds of one value each, beside matrices.
    #expect(reach((.unseen, true, 20), (.seen, false, 10), values: 100).gap == nil)
    #expect(reach((.unseen, true, 20), (.seen, false, 10), values: 10).gap == .unseen)
    #expect(reach((.unseen, false, 4), (.seen, false, 5), (.neverApplied, false, 9)).gap == nil)
  }

  /// One decision among three comes about by chance, however many weights it reacts to.
  @Test func fewDecisionsAreNoProof() throws {
    let layers: Layers = [{ try Linear($0, in: 6, out: 3) }, { try Sharpened($0) }]
    let input = try Tensor([1, 0, 0, 0, 0, 3] as [Float], shape: [1, 6])
    // Nearly undecided, so that changed weights fall to another side.
    let given = [
      "net.0.weight": try filled(0, [3, 6]), "net.0.bias": try Tensor([1.01, 1, 1], shape: [3]),
      "net.1.factor": try filled(1e6, [1]),
    ]
    for keepsActivations in [false, true] {
      let verdict = try verdict(
        layers, input: input, given: given, keeping: { _ in keepsActivations })
      #expect(verdict.result?.reach?.unseen.map(\.name) == ["net.1.factor"])
      #expect(verdict.result?.gaps == (keepsActivations ? [] : [.decided]))
      #expect(verdict.passes == keepsActivations)
    }
  }

  @Test func decisionsAreCountedInBits() throws {
    func bits(_ values: [Float], _ shape: Shape) throws -> Double {
      try Decisions.bits(Tensor(values, shape: shape))
    }
    #expect(try bits([0, 1, 0, 0, 0, 0, 0, 0], [1, 8]) == 3)
    #expect(try bits([0, 1, 0, 0, 0, 0, 1, 0], [2, 4]) == 4)
    #expect(try bits([0, 0, 0, 0], [1, 4]) == 0)
    #expect(try bits([1, 1, 1, 1], [1, 4]) == 0)
    // Six ways of choosing two of four.
    #expect(abs(try bits([1, 0, 0, 1], [4]) - 2.584_962_5) < 1e-6)
    #expect(try bits([-1, 1, 1, 1], [1, 4]) == 2)
    #expect(try bits([1e-7, 1 - 1e-7], [1, 2]) == 1)
    #expect(try bits([0.25, 0.75], [1, 2]) == 48)
    #expect(try bits([.nan, .infinity], [1, 2]) == 48)
    #expect(try bits([.nan, 1, 0], [1, 3]) == 25)
    // Small values are values, and zero among them tells nothing.
    #expect(try bits([1e-9, -2e-9, 0], [1, 3]) == 48)
    #expect(try Decisions.bits(Tensor([3, 1] as [Int64], shape: [2])) == 4)
    #expect(try Decisions.bits(.full([1, 2], 1, dtype: .bool)) == 0)
    #expect(try Decisions.bits(Tensor([] as [Float], shape: [0, 3])) == 0)
  }

  @Test func anyFirstFewComeFromAllOver() {
    #expect(ReachStudy.spread([0, 1, 2, 3, 4, 5, 6, 7]) == [0, 4, 2, 6, 1, 5, 3, 7])
    #expect(ReachStudy.spread([0, 1, 2, 3, 4]) == [0, 4, 2, 1, 3])
    #expect(ReachStudy.spread([7]) == [7] && ReachStudy.spread([Int]()) == [])
    #expect(ReachStudy.spread(Array(0..<1000)).sorted() == Array(0..<1000))
  }

  /// A module that cannot be copied: the model is built again.
  @Test func maskedTokensHideTheirPositions() throws {
    let input = try random([1, 4, 6])
    for keeps in [true, false] {
      let layers: Layers = [{ try Masked($0, keeps: keeps) }, { try Linear($0, in: 6, out: 2) }]
      let unseen = try reach(layers, input: input).unseen.map(\.name)
      #expect(unseen == (keeps ? [] : ["net.0.positions", "net.1.weight"]))
    }
  }

  /// What stands before a norm whose weight is zero shows in its own result alone.
  @Test func zeroGammaHidesWhatIsBefore() throws {
    let layers: Layers = [
      { try Conv2d($0, in: 3, out: 4, kernel: 3) }, { try BatchNorm($0, channels: 4) },
    ]
    let input = try random([2, 3, 5, 5])
    let given = ["net.1.weight": try filled(0, [4])]
    let whole = try reach(layers, input: input, given: given)
    #expect(whole.unseen.map(\.name) == ["net.1.running_mean", "net.1.running_var"])
    let ends = try reach(layers, input: input, given: given) { $0 == "net.1" }
    #expect(
      ends.unseen.map(\.name) == [
        "net.0.weight", "net.0.bias", "net.1.running_mean", "net.1.running_var",
      ])
    #expect(ends.parameters.first { $0.name == "net.1.weight" }?.standing == .seen)
  }

  /// A channel that is zero, and an image smaller than the kernel.
  @Test func partsOfKernelsAreCounted() throws {
    let layers: Layers = [{ try Conv2d($0, in: 4, out: 6, kernel: 3, padding: 1, groups: 2) }]
    var values = try random([2, 4, 5, 5]).elements(as: Float.self)
    for image in 0..<2 { for index in 0..<25 { values[image * 100 + 25 + index] = 0 } }
    let dead = try reach(layers, input: Tensor(values, shape: [2, 4, 5, 5]))
    let kernel = try #require(dead.partlySeen.first)
    // Channel 1 belongs to the first of two groups, with 3 outputs.
    #expect(kernel.name == "net.0.weight" && kernel.unseenCount == 3 * 9)
    #expect(kernel.reason == "input channels 1 of 4 are zero throughout")
    let small = try reach(layers, input: random([2, 4, 1, 2]))
    let tips = try #require(small.partlySeen.first)
    // One row: the kernel's upper and lower rows meet padding.
    #expect(tips.unseenCount == 6 * 2 * 6)
    #expect(tips.reason == "6 of 9 kernel positions meet padding or zeros alone")
  }

  @Test func partsOfOneParameterAreTriedByThemselves() throws {
    let reach = try reach([{ try Halves($0) }], input: random([2, 6]))
    let weight = try #require(reach.partlySeen.first)
    #expect(weight.unseenCount == 3)
    #expect(weight.reason == "nothing reacts to its rows of unused")
  }

  /// A whole parameter that is far too small to matter.
  @Test func whatLimitsExcuseIsUnseen() throws {
    let layers: Layers = [{ try Linear($0, in: 6, out: 5) }]
    let reach = try reach(
      layers, input: random([3, 6]), given: ["net.0.bias": filled(1e-12, [5])])
    #expect(reach.unseen.map(\.name) == ["net.0.bias"])
    #expect(
      reach.unseen.first?.reason
        == "changed by 1/16 of its size, everything compared stays within its limits")
  }

  @Test func onlyAPassIsLookedInto() throws {
    let input = try random([2, 3, 7, 7])
    #expect(try verdict(mixed, input: input, mode: .never).result?.reach == nil)
    let wrong = try verdict(
      mixed, input: input,
      runs: {
        $0["net.0.bias"] = try? filled(3, [5])
      })
    #expect(!wrong.passes && wrong.result?.reach == nil)
    #expect(wrong.json["unseen"] == .array([]) && wrong.json["reach"] == .null)
  }
}
