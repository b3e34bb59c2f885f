import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

@testable import WeighbridgeMapping

/// The network of `tools/make-framework-fixtures` as somebody would write it for PyTorch; `names` are
/// its layers' own.
private struct Twin: Module {
  static let names = ["conv1", "bn1", "block.dw", "block.pw", "fc1", "norm", "fc2"]

  let path: ModulePath
  let conv: Conv2d, bn: BatchNorm, dw: Conv2d, pw: Conv2d, first: Linear, norm: LayerNorm
  let second: Linear

  init(_ w: WeightScope, _ names: [String] = Twin.names) throws {
    func scope(_ index: Int) -> WeightScope {
      names[index].split(separator: ".").reduce(w) { $0 / String($1) }
    }
    path = w.path
    conv = try Conv2d(scope(0), in: 3, out: 4, kernel: .init(3, 2), bias: .absent)
    bn = try BatchNorm(scope(1), channels: 4)
    dw = try Conv2d(scope(2), in: 4, out: 8, kernel: 3, groups: 4)
    pw = try Conv2d(scope(3), in: 8, out: 5, kernel: 1)
    first = try Linear(scope(4), in: 90, out: 6)
    norm = try LayerNorm(scope(5), features: 6)
    second = try Linear(scope(6), in: 6, out: 6)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    let image = try pw(dw(bn(conv(x)).activated(.relu)))
    return try second(norm(first(image.flattened(from: 1)).activated(.relu)))
  }
}

/// What torch.onnx exported.
private struct Small: Module {
  let path: ModulePath
  let conv: Conv2d, norm: LayerNorm, proj: Linear, first: Linear, second: Linear, head: Linear

  init(_ w: WeightScope) throws {
    path = w.path
    conv = try Conv2d(w / "conv1", in: 2, out: 3, kernel: 3, bias: .absent)
    norm = try LayerNorm(w / "norm", features: 3)
    proj = try Linear(w / "proj", in: 3, out: 4)
    first = try Linear(w / "layers" / 0, in: 4, out: 4)
    second = try Linear(w / "layers" / 2, in: 4, out: 4)
    head = try Linear(w / "head", in: 4, out: 2)
  }

  func forward(_ x: Tensor) throws -> Tensor { x }
}

@Suite struct FrameworkMappingTests {
  private static func path(_ name: String) -> String { Repository.fixture("formats/\(name)") }

  /// Every parameter as PyTorch has it, bit for bit, and Keras' output from Swift: a square matrix, a
  /// depthwise kernel and a flattened image among them.
  @Test(arguments: ["net.keras", "net.h5"]) func kerasBecomesPyTorchs(_ name: String) throws {
    let twin = try Checkpoints.open(Self.path("keras/twin.npz"))
    let checkpoint = try Checkpoints.open(Self.path("keras/\(name)"))
    let report = try Weights.report(checkpoint) { try Twin($0) }
    #expect(report.isOneToOne, "\(report)")
    #expect(report.notes.contains { $0.contains("block_dw is block.dw, block_pw is block.pw") })
    #expect(!report.dialect.isEmpty)
    let fit = try Candidates(checkpoint, rules: Rules()).best { _, source in
      try WeightScope.describe(source: source) { try Twin($0) }
    }
    let source = CheckpointSource(checkpoint, fit.stateDict)
    for match in report.matched {
      let expected = try twin.tensor(match.parameter).elements(as: Float.self)
      #expect(try source.tensor(match.parameter).elements(as: Float.self) == expected, "\(match)")
    }
    #expect(report.matched.count == 15)
    let net = try Weights.load(checkpoint) { try Twin($0) }
    let output = try net(twin.tensor("inputs/0")).elements(as: Float.self)
    let expected = try twin.tensor("outputs/0").elements(as: Float.self)
    #expect(zip(output, expected).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
  }

  /// The rules that the report lists do on the file's names what was done.
  @Test func theDialectIsRules() throws {
    let checkpoint = try Checkpoints.open(Self.path("keras/net.keras"))
    let report = try Weights.report(checkpoint) { try Twin($0) }
    var plain = StateDict(entries: checkpoint.entries)
    for index in plain.tensors.indices { plain.tensors[index].form = nil }
    let applied = try Rules(report.dialect).apply(to: plain).stateDict
    let twin = try Checkpoints.open(Self.path("keras/twin.npz"))
    #expect(
      Set(applied.tensors.map(\.name))
        == Set(twin.entries.map(\.name).filter { !$0.contains("/") }))
    for tensor in applied.tensors { #expect(tensor.shape == twin.entry(tensor.name)?.shape) }
  }

  /// A file of weights alone does not tell what was flattened: that is asked, with the rules of both
  /// answers. The rest is as above.
  @Test(arguments: ["net.weights.h5", "net-weights.h5", "keras2.h5"])
  func weightsAloneAreReadAsFarAsTheyTell(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Self.path("keras/\(name)"))
    let report = try Weights.report(checkpoint) { try Twin($0) }
    #expect(!report.isOneToOne && report.undecided.map(\.parameter) == ["fc1.weight"], "\(report)")
    #expect(report.undecided.first?.rules == [Rule(.permute(.exact("fc1.kernel"), axes: [1, 0]))])
    #expect(
      report.undecided.first?.reason.contains("shape: [18, 5, 6]}, then ") == true, "\(report)")
    let twin = try Checkpoints.open(Self.path("keras/twin.npz"))
    for isFlattened in [false, true] {
      var rules = Rules(report.undecided.flatMap(\.rules))
      if isFlattened {
        rules = try Rules(
          yaml: """
            - reshape: {tensor: fc1.kernel, shape: [18, 5, 6]}
            - permute: {tensor: fc1.kernel, axes: [2, 1, 0]}
            - reshape: {tensor: fc1.kernel, shape: [6, 90]}
            """)
      }
      let fit = try Candidates(checkpoint, rules: rules).best { _, source in
        try WeightScope.describe(source: source) { try Twin($0) }
      }
      #expect(fit.report.isOneToOne, "\(fit.report)")
      let source = CheckpointSource(checkpoint, fit.stateDict)
      for match in fit.report.matched {
        let expected = try twin.tensor(match.parameter).elements(as: Float.self)
        let got = try source.tensor(match.parameter).elements(as: Float.self)
        #expect((got == expected) == (isFlattened || match.parameter != "fc1.weight"), "\(match)")
      }
    }
  }

  /// Names that have nothing in common are never assumed: rules are proposed in order, and those that
  /// are proposed complete the mapping.
  @Test func otherNamesAreAskedFor() throws {
    let checkpoint = try Checkpoints.open(Self.path("keras/net.keras"))
    let names = ["stem.0", "stem.1", "body.a", "body.b", "head.0", "head.1", "out"]
    let report = try Weights.report(checkpoint) { try Twin($0, names) }
    #expect(!report.isOneToOne && report.matched.isEmpty)
    let rules = Rules(report.suggestions.map(\.rule))
    #expect(report.suggestions.count == 7, "\(report.suggestions)")
    let mapped = try Weights.report(checkpoint, rules: rules) { try Twin($0, names) }
    #expect(mapped.isOneToOne, "\(mapped)")
    #expect(mapped.matched.first { $0.parameter == "head.0.weight" }?.source == "fc1.kernel")
  }

  /// A rule of the user's about axes or names is not undone.
  @Test func rulesOfTheUsersWin() throws {
    let checkpoint = try Checkpoints.open(Self.path("keras/net.keras"))
    let rules = Rules([
      Rule(.rename(.exact("fc2.kernel"), to: "fc3.kernel")),
      Rule(.permute(.exact("fc2.bias"), axes: [0]), isOptional: true),
      Rule(.permute(.exact("fc1.kernel"), axes: [1, 0])),
    ])
    let report = try Weights.report(checkpoint, rules: rules) { scope in
      try Twin(scope, Twin.names)
    }
    #expect(report.missing.map(\.parameter) == ["fc2.weight"])
    #expect(report.unexpected.map(\.name) == ["fc3.weight"])
    #expect(report.matched.first { $0.parameter == "fc1.weight" }?.transform == "permute [1, 0]")
  }

  /// Products of matrices are linear layers again: by the bias that is added, or by the operator's name.
  @Test(arguments: ["script.onnx", "dynamo.onnx"]) func onnxBecomesPyTorchs(_ name: String) throws {
    let checkpoint = try Checkpoints.open(Self.path("onnx/\(name)"))
    let state = try Checkpoints.open(Self.path("onnx/state.pth"))
    let fit = try Candidates(checkpoint, rules: Rules()).best { _, source in
      try WeightScope.describe(source: source) { try Small($0) }
    }
    #expect(fit.report.isOneToOne, "\(fit.report)")
    #expect(fit.report.matched.count == state.entries.count)
    let source = CheckpointSource(checkpoint, fit.stateDict)
    for entry in state.entries {
      let expected = try state.tensor(entry.name).elements(as: Float.self)
      #expect(try source.tensor(entry.name).elements(as: Float.self) == expected, "\(entry.name)")
    }
  }
}
