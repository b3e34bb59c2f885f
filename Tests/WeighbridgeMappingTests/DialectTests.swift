import Testing
import WeighbridgeModels
import WeighbridgeModules

@testable import WeighbridgeMapping

@Suite struct DialectTests {
  @Test(arguments: Dialect.all) func rulesAreRead(_ dialect: Dialect) throws {
    let rules = try dialect.rules(lead: "")
    #expect(!rules.isEmpty)
    #expect(rules.rules.allSatisfy { $0.isOptional })
    #expect(try dialect.rules(lead: "model.").rules.count == rules.rules.count + 1)
    for model in dialect.models {
      let architecture = try ArchitectureRegistry.builtIn.architecture(model)
      for (name, text) in dialect.configuration {
        let key = try #require(architecture.keys.first { $0.name == name })
        _ = try key.parse(text)
      }
    }
  }

  @Test(arguments: Dialect.all) func markersNameTheDialect(_ dialect: Dialect) throws {
    #expect(Dialect.recognized(dialect.markers, model: nil)?.dialect == dialect)
    let led = dialect.markers.map { "module." + $0 }
    let found = Dialect.recognized(led, model: dialect.models[0])
    #expect(found?.dialect == dialect)
    #expect(found?.lead == "module.")
    #expect(Dialect.recognized(Array(dialect.markers.dropLast()), model: nil)?.dialect != dialect)
    #expect(Dialect.recognized(dialect.markers, model: "stn") == nil)
  }

  /// Our own names are no dialect.
  @Test func ownNamesAreNone() throws {
    for id in ["vit", "se_resnet50", "se_inception3", "detr_encoder"] {
      let architecture = try ArchitectureRegistry.builtIn.architecture(id)
      let names = try architecture.ledger(architecture.defaults).requests.map(\.name)
      #expect(Dialect.recognized(names, model: nil) == nil)
    }
  }

  /// timm's patches are a kernel [D, C, p, p]; ours are flattened (row, column, channel).
  @Test func timmsPatchesAreReordered() throws {
    let plan = try Loader(.builtIn).plan(timm())
    #expect(plan.report.isOneToOne)
    #expect(plan.architecture.id == "vit")
    #expect(plan.configuration.entries["scale"]?.value == .text("dim_head"))
    #expect(plan.configuration.entries["heads"]?.value == .integer(1))
    #expect(plan.configuration.entries["head"]?.value == .text("linear"))
    #expect(plan.report.notes.contains { $0.contains("timm-vit") })
    let kernel = try timm().tensor("patch_embed.proj.weight").elements(as: Float.self)
    let matrix = try plan.source.tensor("patch_to_embedding.weight")
    #expect(matrix.shape == [64, 12])
    let values = try matrix.elements(as: Float.self)
    for (out, row, column, channel) in [(0, 0, 0, 0), (5, 1, 0, 2), (63, 1, 1, 1)] {
      #expect(
        values[out * 12 + (row * 2 + column) * 3 + channel]
          == kernel[((out * 3 + channel) * 2 + row) * 2 + column])
    }
  }

  @Test func rulesOfTheUserComeInstead() throws {
    let plan = try Loader(.builtIn).plan(
      timm(), model: "vit", rules: Rules([Rule(.rename(.exact("norm.weight"), to: "x"))]))
    #expect(!plan.report.isOneToOne)
  }

  /// Keras counts layers on through a process, and a file of weights alone has numbers for a norm's
  /// variables. Kernels are [H, W, in, out].
  @Test(arguments: [(0, 0, false), (94, 94, true), (1, 1, false), (3, 7, true)])
  func kerasLayersAreCounted(_ convolution: Int, _ norm: Int, _ isNumbered: Bool) throws {
    func name(_ kind: String, _ number: Int) -> String { number == 0 ? kind : "\(kind)_\(number)" }
    let kernels = kerasKernels.split(whereSeparator: \.isWhitespace).map { text in
      text.split(separator: "x").compactMap { Int($0) }
    }
    var tensors: [(String, Tensor)] = []
    for (index, kernel) in kernels.enumerated() {
      let lead = "net.\(name("conv2d", convolution + index))."
      tensors.append((lead + "kernel", try Tensor.zeros(Shape(kernel))))
      let names = isNumbered ? ["0", "1", "2"] : ["beta", "moving_mean", "moving_variance"]
      for variable in names {
        tensors.append(
          (
            "net.\(name("batch_normalization", norm + index)).\(variable)",
            try Tensor.zeros([kernel[3]])
          ))
      }
    }
    tensors.append(("net.predictions.kernel", try Tensor.zeros([2048, 7])))
    tensors.append(("net.predictions.bias", try Tensor.zeros([7])))
    let found = try #require(Dialect.recognized(tensors.map { $0.0 }, model: nil))
    #expect(found.dialect.id == "keras-inception")
    // Without its top it is the same trunk.
    let trunk = Dialect.recognized(tensors.dropLast(2).map { $0.0 }, model: nil)
    #expect(trunk?.dialect == found.dialect)
    #expect(trunk?.lead == "net.")
    #expect(Dialect.recognized(tensors.dropFirst().map { $0.0 }, model: nil) == nil)
    let applied = try found.dialect.rules(lead: found.lead).apply(
      to: StateDict(MemoryCheckpoint(tensors))
    ).stateDict
    let shapes = Dictionary(uniqueKeysWithValues: applied.tensors.map { ($0.name, $0.shape) })
    let architecture = try ArchitectureRegistry.builtIn.architecture("se_inception3")
    let convolutions = try architecture.ledger(architecture.defaults).requests.filter {
      $0.name.hasSuffix(".conv.weight") && !$0.name.contains("AuxLogits")
    }
    #expect(convolutions.count == 94)
    for request in convolutions {
      let stem = request.name.dropLast("conv.weight".count)
      let kernel = try #require(shapes[stem + "conv.kernel"], "\(request.name)")
      #expect([kernel[3], kernel[2], kernel[0], kernel[1]] == request.shape, "\(request.name)")
      let statistic = isNumbered ? "running_var" : "moving_variance"
      #expect(shapes[stem + "bn." + statistic] == [kernel[3]])
    }
    #expect(shapes["model.fc.kernel"] == [7, 2048])
  }

  /// What Keras' model ends in stands in its description, where the file has one; the shapes are alike.
  @Test(arguments: [
    (#""softmax""#, "true", false), (#""linear""#, "false", false), (#""sigmoid""#, "false", true),
    (#"{"class_name": "function", "config": "swish"}"#, "false", true), ("null", "false", true),
    (#"{"class_name": "Softmax", "config": {}}"#, "true", false),
  ]) func kerasSaysWhatItEndsIn(_ activation: String, _ softmax: String, _ isNoted: Bool) throws {
    let dialect = try #require(Dialect.all.first { $0.id == "keras-inception" })
    let text = """
      {"config": {"layers": [{"class_name": "Conv2D", "config": {"name": "conv2d", "activation":
      "relu"}}, {"class_name": "Dense", "config": {"name": "predictions", "activation": \(activation)}}]}}
      """
    for key in ["config", "model_config"] {
      let statement = dialect.statement(beside: [key: text])
      #expect(statement.configuration["softmax"] == softmax)
      #expect(statement.configuration["bn_scale"] == "false")
      #expect(statement.notes.isEmpty != isNoted)
    }
    // Within a model that is a layer, with a softmax behind it.
    let nested = """
      {"config": {"layers": [{"class_name": "Functional", "config": {"layers": [{"class_name":
      "Dense", "config": {"name": "predictions", "activation": "linear"}}]}}, {"class_name": "Softmax", "config": {}}]}}
      """
    #expect(dialect.statement(beside: ["config": nested]).configuration["softmax"] == "true")
    for none in ["", "[]", "{\"config\": {\"layers\": 3}}", "{\"config\": {\"layers\": [1, {}]}}"] {
      #expect(dialect.statement(beside: ["config": none]).configuration == dialect.configuration)
      #expect(dialect.statement(beside: ["config": none]).assumed == ["softmax"])
    }
  }

  /// The remark names who said otherwise.
  @Test func theLibraryIsOverruled() throws {
    let plan = try Loader(.builtIn).plan(timm(), overrides: [("scale", "dim")])
    let entry = try #require(plan.configuration.entries["scale"])
    #expect(entry.overruled == .init(.text("dim_head"), of: "timm's vision transformers"))
    #expect(
      plan.report.notes.contains(
        "scale=dim overrules scale=dim_head of timm's vision transformers"))
  }

  /// `reshape` with 0 leaves an extent.
  @Test func zeroLeavesAnExtent() throws {
    let file = MemoryCheckpoint(["a": try Tensor.zeros([2, 3, 4]), "b": try Tensor.zeros([0, 3])])
    let applied = try Rules([
      Rule(.reshape(.exact("a"), shape: [0, -1])), Rule(.reshape(.exact("b"), shape: [3, 0])),
    ]).apply(to: StateDict(file))
    #expect(applied.stateDict.tensors.map(\.shape) == [[2, 12], [3, 0]])
    let back = try applied.inverse.apply(to: applied.stateDict)
    #expect(back.stateDict.tensors.map(\.shape) == [[2, 3, 4], [0, 3]])
  }

  /// One block of width 64, patches of 2, an image of 4.
  private func timm() throws -> MemoryCheckpoint {
    let shapes: KeyValuePairs<String, Shape> = [
      "cls_token": [1, 1, 64], "pos_embed": [1, 5, 64], "patch_embed.proj.weight": [64, 3, 2, 2],
      "patch_embed.proj.bias": [64], "blocks.0.norm1.weight": [64], "blocks.0.norm1.bias": [64],
      "blocks.0.attn.qkv.weight": [192, 64], "blocks.0.attn.qkv.bias": [192],
      "blocks.0.attn.proj.weight": [64, 64], "blocks.0.attn.proj.bias": [64],
      "blocks.0.norm2.weight": [64], "blocks.0.norm2.bias": [64],
      "blocks.0.mlp.fc1.weight": [80, 64], "blocks.0.mlp.fc1.bias": [80],
      "blocks.0.mlp.fc2.weight": [64, 80], "blocks.0.mlp.fc2.bias": [64],
      "norm.weight": [64], "norm.bias": [64], "head.weight": [7, 64], "head.bias": [7],
    ]
    return MemoryCheckpoint(
      try shapes.map { name, shape in
        (name, try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape))
      })
  }
}

/// The kernels of Keras' InceptionV3 in the order of their numbers.
private let kerasKernels = """
  3x3x3x32 3x3x32x32 3x3x32x64 1x1x64x80 3x3x80x192 1x1x192x64 1x1x192x48 5x5x48x64 1x1x192x64
  3x3x64x96 3x3x96x96 1x1x192x32 1x1x256x64 1x1x256x48 5x5x48x64 1x1x256x64 3x3x64x96 3x3x96x96
  1x1x256x64 1x1x288x64 1x1x288x48 5x5x48x64 1x1x288x64 3x3x64x96 3x3x96x96 1x1x288x64
  3x3x288x384 1x1x288x64 3x3x64x96 3x3x96x96 1x1x768x192 1x1x768x128 1x7x128x128 7x1x128x192
  1x1x768x128 7x1x128x128 1x7x128x128 7x1x128x128 1x7x128x192 1x1x768x192 1x1x768x192
  1x1x768x160 1x7x160x160 7x1x160x192 1x1x768x160 7x1x160x160 1x7x160x160 7x1x160x160
  1x7x160x192 1x1x768x192 1x1x768x192 1x1x768x160 1x7x160x160 7x1x160x192 1x1x768x160
  7x1x160x160 1x7x160x160 7x1x160x160 1x7x160x192 1x1x768x192 1x1x768x192 1x1x768x192
  1x7x192x192 7x1x192x192 1x1x768x192 7x1x192x192 1x7x192x192 7x1x192x192 1x7x192x192
  1x1x768x192 1x1x768x192 3x3x192x320 1x1x768x192 1x7x192x192 7x1x192x192 3x3x192x192
  1x1x1280x320 1x1x1280x384 1x3x384x384 3x1x384x384 1x1x1280x448 3x3x448x384 1x3x384x384
  3x1x384x384 1x1x1280x192 1x1x2048x320 1x1x2048x384 1x3x384x384 3x1x384x384 1x1x2048x448
  3x3x448x384 1x3x384x384 3x1x384x384 1x1x2048x192
  """
