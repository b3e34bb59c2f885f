import Testing
import WeighbridgePort
import WeighbridgeTensors

/// Recorded networks as Swift.
struct PortTests {
  @Test(arguments: ["resnet", "vit", "unet", "assembled", "staged", "sequences"])
  func fixturesArePortedWhole(_ name: String) throws {
    let ported = try PortedFixture.port(name)
    #expect(ported.limits == [])
    for file in ported.files {
      for line in file.text.split(separator: "\n") {
        #expect(line.count <= 100, "\(file.path): \(line)")
      }
    }
  }

  @Test func instancesOfAClassAreOneStruct() throws {
    let sources = try PortedFixture.port("resnet").sources
    #expect(sources.components(of: "struct BasicBlock") == 1)
    #expect(sources.contains("let downsample: (any UnaryModule)?"))
    #expect(sources.contains("(downsample?(x) ?? x)"))
    #expect(
      sources.contains(
        "/// PyTorch's `BasicBlock`, weighbridge_lab/small_networks.py:"))
  }

  @Test func blocksThatAreBuiltAlikeAreARow() throws {
    let sources = try PortedFixture.port("resnet").sources
    #expect(sources.contains("Sequential(w / \"layer1\", rows: (2, { try BasicBlock($0"))
  }

  /// A struct that does nothing but run its members, some of them optional.
  @Test func aChainIsASequentialModule() throws {
    let sources = try PortedFixture.port("assembled").sources
    #expect(sources.contains("struct ConvAct: SequentialModule {\n  let layers: Sequential\n"))
    #expect(sources.contains("    layers = try Sequential(in: w) { w in\n"))
    #expect(try PortedFixture.port("unet").sources.contains("struct DoubleConv: SequentialModule"))
  }

  /// A child that is given a module stands in a statement of its own.
  @Test func childrenThatNeedSeveralLinesAreStatements() throws {
    let sources = try PortedFixture.port("resnet").sources
    #expect(sources.contains("layer2 = try Sequential(in: w / \"layer2\") { w in\n"))
    #expect(sources.contains("try BasicBlock(w / 0, outChannels: 12, stride: 2) {\n"))
  }

  @Test func oneNumberForBothAxesIsGivenAsItIs() throws {
    for name in ["assembled", "unet", "resnet"] {
      #expect(!(try PortedFixture.port(name).sources.contains("kernel: Pair(kernel)")))
    }
  }

  @Test func aFewTensorsTellTheNetworkFromOthers() throws {
    let sources = try PortedFixture.port("resnet").sources
    #expect(sources.contains(": FixedArchitecture {"))
    #expect(sources.contains("    \"fc.bias\": [5],\n"))
  }

  @Test func bundlesSayWhereTheirTensorsAre() throws {
    let sources = try PortedFixture.port("assembled").sources
    #expect(
      sources.contains("static var places: [WritableKeyPath<Self, Tensor>] { [\\.x] }"))
  }

  @Test func modulesOfAListThatAreBuiltAlikeAreALoop() throws {
    let sources = try PortedFixture.port("sequences").sources
    #expect(sources.contains("for index in 6..<11 {"))
    #expect(sources.contains("steps.append(try Gain(w / \"steps\" / index))"))
    #expect(sources.contains("steps.append(try Offset(w / \"steps\" / 11))"))
  }

  /// One class that is lent modules of several.
  @Test func lentModulesOfSeveralClassesAreKnownByHowTheyAreCalled() throws {
    let sources = try PortedFixture.port("sequences").sources
    #expect(sources.contains("let inner: any UnaryModule"))
    #expect(sources.contains("first = try Refined(w / \"first\", inner: offset)"))
    #expect(sources.contains("second = try Refined(w / \"second\", inner: gain)"))
  }

  @Test func blocksOfAListAreALoop() throws {
    let sources = try PortedFixture.port("vit").sources
    #expect(sources.contains("let blocks: [EncoderBlock]"))
    #expect(sources.contains("for block in blocks {"))
  }

  @Test func membersThatSomeLackAreOptionalEachByItself() throws {
    let sources = try PortedFixture.port("assembled").sources
    #expect(sources.components(of: "struct Ghost") == 1)
    #expect(sources.contains("let deep, gate: (any UnaryModule)?"))
    #expect(sources.contains("deep?(y) ?? y"))
    #expect(sources.contains("gate?(y2) ?? y2"))
    #expect(sources.contains("gate: { Sigmoid($0) }"))
  }

  @Test func whatAnInitialiserTakesIsGivenUnlessMostHaveIt() throws {
    let sources = try PortedFixture.port("assembled").sources
    #expect(sources.contains("kernel: Int = 1, stride: Int = 1, padding: Int = 0"))
    #expect(sources.contains("conv1 = try ConvAct(w / \"conv1\")"))
    // A stride that is the kernel is left out of pools alone.
    #expect(sources.contains("ConvAct($0, kernel: 2, stride: 2, padding: 1)"))
    #expect(try PortedFixture.port("unet").sources.contains("MaxPool2d($0, kernel: 2)"))
  }

  @Test func numbersGoAlongWithTensors() throws {
    let sources = try PortedFixture.port("assembled").sources
    #expect(sources.contains("struct Input: NumberedBundle {"))
    #expect(sources.contains("struct Output: NumberedBundle {"))
    #expect(sources.contains("size0: input.height, size1: input.width"))
    #expect(sources.contains("func forward(_ x: Tensor) throws -> Output {"))
  }

  @Test func bundlesOfTheSameFieldsAreOneType() throws {
    let sources = try PortedFixture.port("staged").sources
    #expect(sources.components(of: ": NumberedBundle {") == 2)
    #expect(sources.contains("/// What `Patching` and `Reducing` return: numbers beside tensors."))
    #expect(sources.contains("struct StageInput: NumberedBundle {"))
    #expect(sources.contains("let height, width: Int"))
  }

  @Test func membersOfSeveralClassesAreKnownByHowTheyAreCalled() throws {
    let sources = try PortedFixture.port("staged").sources
    // In a struct, with numbers; in lists, with several inputs, and with numbers returned.
    #expect(sources.components(of: "struct StageBlock") == 1)
    #expect(sources.contains("let attn: any Module<StageInput, Tensor>"))
    #expect(sources.contains("attn: @escaping Builder<StageInput, Tensor>"))
    #expect(sources.contains("let fuse: [any Module<TensorList, Tensor>]"))
    #expect(sources.contains("let embeddings: [any Module<Tensor, PatchingOutput>]"))
    // In a struct whose other member some lack.
    #expect(sources.components(of: "struct Aggregation") == 1)
    #expect(sources.contains("let mid: any Module<TensorList, Tensor>"))
    #expect(sources.contains("let reduction: (any UnaryModule)?"))
  }

  @Test func layersByNumberAreAnArrayAndWhatTheyReturnAListThatGrows() throws {
    let sources = try PortedFixture.port("staged").sources
    #expect(sources.components(of: "struct Dense:") == 1)
    #expect(sources.contains("let layers: [DenseLayer]"))
    #expect(
      sources.contains("w / \"layer\\($0 + 1)\", inChannels: 8 + step * $0, outChannels: step)"))
    #expect(sources.contains("features.append(try layer(TensorList(tensors: features)))"))
    #expect(sources.contains("Tensor.concatenated(features, axis: 1)"))
  }

  @Test func whatPythonUnpacksIsOneStatement() throws {
    let sources = try PortedFixture.port("staged").sources
    #expect(sources.contains("let (k, v) = (parts[0], parts[1])"))
  }

  @Test func whatFitsInALineIsOne() throws {
    let sources = try PortedFixture.port("staged").sources
    #expect(sources.contains("  init(_ w: WeightScope) throws { path = w.path }"))
    #expect(
      sources.contains(
        "  func forward(_ input: TensorList) throws -> Tensor { try input[0] + input[1] }"))
  }

  @Test func theSourcesNeedWhatAnAppCarriesAlone() throws {
    let ported = try PortedFixture.port("staged")
    #expect(ported.sources.contains("import WeighbridgeNative\n"))
    #expect(!ported.sources.contains("import Weighbridge\n"))
    let manifest = ported.files.first { $0.path == "Package.swift" }?.text ?? ""
    #expect(manifest.contains("[.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)]"))
  }

  @Test func modulesThatHandOnWhatTheyAreGivenAreOneKind() throws {
    let sources = try PortedFixture.port("staged").sources
    #expect(sources.contains("drop = Dropout(w / \"drop\", kind: \"DropPath\")"))
  }

  @Test func recurrentLayersAreLayers() throws {
    let sources = try PortedFixture.port("sequences").sources
    #expect(sources.contains("rows = try LSTM("))
    #expect(
      sources.contains("w / \"rows\", in: 8, hidden: 4, batchFirst: true, bidirectional: true)"))
    #expect(sources.contains("columns = try GRU(w / \"columns\", in: 8, hidden: 8, layers: 2"))
    #expect(sources.contains("RecurrentInput(\n        x.permuted([0, 2, 3, 1])"))
    #expect(sources.contains(".output\n"))
    #expect(sources.contains(".state[0]"))
  }

  @Test func attentionGivesItsWeightsWherePyTorchDoes() throws {
    let sources = try PortedFixture.port("sequences").sources
    #expect(sources.contains("try multiHeadAttention("))
    #expect(sources.contains("func multiHeadAttention("))
  }

  @Test func keysOfOneSampleAreThoseOfAll() throws {
    let sources = try PortedFixture.port("sequences").sources
    #expect(sources.contains("keys: keysValue.expanded(to: ["))
  }

  @Test func aTensorOfAStructIsReadThroughIt() throws {
    #expect(try PortedFixture.port("sequences").sources.contains("scaled.mean.mean("))
  }

  @Test func aModuleThatSeveralShareIsLentToThem() throws {
    let sources = try PortedFixture.port("assembled").sources
    #expect(
      sources.contains("init(_ w: WeightScope, positions: Positions, scale: LayerNorm) throws"))
    #expect(
      sources.contains("Mixing(w / \"layers\" / $0, positions: positions, scale: scale)"))
    #expect(sources.components(of: "try Positions(w / \"positions\")") == 1)
  }

  @Test func twoFlowsOfOneClassHaveTellingNames() throws {
    let sources = try PortedFixture.port("vit").sources
    #expect(sources.contains("struct Attention: Module"))
    #expect(sources.contains("struct AttentionWith"))
  }

  @Test func sizesAreTheInputs() throws {
    let sources = try PortedFixture.port("unet").sources
    #expect(sources.contains("[x.shape[2] / 2, x.shape[3] / 2]"))
  }

  @Test func whatCannotBePortedIsAStubThatSaysSo() throws {
    let ported = try PortedFixture.port("limited")
    #expect(ported.limits.contains { $0.hasPrefix("spectrum: torch._C._fft.fft_rfft2") })
    #expect(ported.limits.contains { $0.contains("small_networks.py:") })
    #expect(ported.sources.contains("throw WeighbridgeError("))
    #expect(ported.sources.contains("/// Not ported: "))
  }

  /// A network whose names are as bad as can be.
  private static let hostile = """
    {"format":"weighbridge-network","version":1,"framework":"torch 2","arguments":[{"input":0}],
    "modules":[{"path":"","class":"net\\nHOSTILE().Net\\"){HOSTILE()}","attributes":{"HOSTILE();x":2,"class":3},
    "calls":[1]},
    {"path":"in","class":"torch.nn.modules.linear.Linear","parameters":
    {"weight":{"shape":[3,3],"dtype":"float32"}},"calls":[0]},
    {"path":"IN","class":"torch.nn.modules.linear.Linear","parameters":
    {"weight":{"shape":[3,3],"dtype":"float32"}},"calls":[0]},
    {"path":"a\\"/HOSTILE()","class":"torch.nn.modules.linear.Linear","parameters":
    {"weight":{"shape":[3,3],"dtype":"float32"}},"calls":[0]}],
    "programs":[{"class":"Linear","file":"HOSTILE()\\n.py","line":1,"inputs":[{"name":"input"}],"body":[
    {"call":"linear","arguments":{"input":{"value":0},"weight":{"tensor":"weight"},"bias":null}}],
    "returns":{"value":1}},
    {"class":"Net","file":"*/HOSTILE()\\u2028.py","line":4,"inputs":[{"name":"x\\nHOSTILE()"}],"body":[
    {"module":"in","arguments":{"input":{"value":0}},"name":"func\\nHOSTILE()"},
    {"module":"IN","arguments":{"input":{"value":1}},"name":"var"},
    {"module":"a\\"/HOSTILE()","arguments":{"input":{"value":2}},"name":"in"},
    {"call":"add","arguments":{"input":{"value":3},"other":{"value":1},"alpha":1}},
    {"call":"mul","arguments":{"input":{"value":4},"other":{"attribute":"HOSTILE();x"}}},
    {"call":"mul","arguments":{"input":{"value":5},"other":{"attribute":"class"}}}],
    "returns":{"value":6}}],
    "constants":[],"variations":[],"limits":[]}
    """

  /// A program gives a whole network what it has: too few inputs are an error there, and no trap.
  @Test func theInputsOfAWholeNetworkAreCounted() throws {
    let text = """
      {"format":"weighbridge-network","version":1,"framework":"torch 2","arguments":[{"input":0},{"input":1}],
      "modules":[{"path":"","class":"net.Two","calls":[1]},
      {"path":"fc","class":"torch.nn.modules.linear.Linear","parameters":
      {"weight":{"shape":[3,3],"dtype":"float32"}},"calls":[0]}],
      "programs":[{"class":"Linear","file":"l.py","line":1,"inputs":[{"name":"input"}],"body":[
      {"call":"linear","arguments":{"input":{"value":0},"weight":{"tensor":"weight"},"bias":null}}],
      "returns":{"value":1}},
      {"class":"Two","file":"net.py","line":4,"inputs":[{"name":"x"},{"name":"y"}],"body":[
      {"module":"fc","arguments":{"input":{"value":0}},"name":"z"},
      {"call":"add","arguments":{"input":{"value":2},"other":{"value":1},"alpha":1}}],
      "returns":{"value":3}}],
      "constants":[],"variations":[],"limits":[]}
      """
    let ported = try PortedFixture.port(
      text: text, inputs: [Tensor.ones([2, 3]), Tensor.ones([2, 3])])
    #expect(ported.limits == [])
    let body = "    try input.require(2)\n    return try fc(input[0]) + input[1]"
    #expect(ported.sources.contains(body))
  }

  @Test func namesOfAFileNeverBecomeCode() throws {
    let ported = try PortedFixture.port(text: Self.hostile, inputs: [Tensor.ones([2, 3])])
    #expect(ported.limits == [])
    let bare = ported.bareSources
    #expect(!bare.contains("HOSTILE()"), "\(bare)")
    #expect(ported.files.allSatisfy { $0.text.allSatisfy { $0.isASCII } })
    #expect(bare.contains("let inValue, in"), "\(bare)")
    #expect(ported.files.allSatisfy { !$0.path.contains("..") && !$0.path.contains("(") })
  }
}

extension String {
  fileprivate func components(of text: String) -> Int {
    ranges(of: text).count
  }
}
