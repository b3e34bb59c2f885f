import TestSupport
import Testing
import WeighbridgeModules

/// Where the time of a run goes, what ran as one, and what is said about it.
@Suite struct ProfileTests {
  /// A convolution, its norm and activation in a `Sequential`, and a second time with a sum between them.
  private struct Net: Module {
    let path: ModulePath
    let stem: Sequential
    let conv: Conv2d
    let norm: BatchNorm
    let relu: ReLU
    let pool: AdaptiveAvgPool2d
    let dropout: Identity
    let head: Linear

    init(_ w: WeightScope) throws {
      path = w.path
      stem = try Sequential(
        w / "stem", { try Conv2d($0, in: 3, out: 8, kernel: 3, padding: 1, bias: .absent) },
        { try BatchNorm($0, channels: 8) }, { ReLU($0) })
      conv = try Conv2d(w / "conv", in: 8, out: 8, kernel: 3, padding: 1)
      norm = try BatchNorm(w / "norm", channels: 8)
      relu = ReLU(w / "relu")
      pool = AdaptiveAvgPool2d(w / "pool", outputSize: 1)
      dropout = .dropout(w / "dropout")
      head = try Linear(w / "head", in: 8, out: 5)
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let first = try stem(x)
      let second = try relu(norm(conv(first)) + first)
      return try head(dropout(pool(second).flattened(from: 1)))
    }
  }

  private func net(_ dtype: DType = .float32) throws -> Net {
    try WeightScope.bind(MadeWeights(), dtype: dtype) { try Net($0) }
  }

  private func images(_ dtype: DType = .float32) throws -> Tensor {
    try Numbers.tensor([2, 3, 11, 9], dtype: dtype)
  }

  @Test func timesAddUpToNoMoreThanTheTotal() throws {
    let profile = try net().profile([images()], runs: 3)
    let sum = profile.steps.reduce(0) { $0 + $1.seconds }
    #expect(!profile.steps.isEmpty && sum > 0)
    #expect(sum <= profile.seconds)
    #expect(abs(sum + profile.secondsBetween - profile.seconds) < 1e-9)
    for shares in [profile.operators, profile.layers] {
      #expect(abs(shares.reduce(0) { $0 + $1.seconds } - sum) < 1e-9)
      #expect(shares.map(\.seconds) == shares.map(\.seconds).sorted(by: >))
      #expect(shares.reduce(0) { $0 + $1.steps.count } == profile.steps.count)
    }
    #expect(profile.steps.allSatisfy { $0.copySeconds <= $0.seconds })
    #expect(profile.runs == 3 && profile.firstSeconds > 0 && !profile.isEager)
  }

  @Test func whatRanAsOneIsNamed() throws {
    let profile = try Compiled(net()).profile([images()], runs: 1)
    #expect(
      Set(profile.jointSteps.map(\.name)) == [
        "convolution + batch norm + relu", "convolution + batch norm + residual + relu",
      ])
    let step = try #require(profile.steps.first { $0.module == "stem.0" })
    #expect(step.kind == "Conv2d" && step.shape == [2, 8, 11, 9])
    #expect(step.joined.map(\.path) == ["stem.1", "stem.2"])
    #expect(step.joined.map(\.isFolded) == [true, false])
    #expect(step.products == 2 * 8 * 11 * 9 * 27)
    let second = try #require(profile.steps.first { $0.module == "conv" })
    #expect(second.joined.map(\.path) == ["norm", "relu"])
  }

  private struct Gated: Module {
    let path: ModulePath
    let conv, shortcut: Conv2d
    let gate: Linear

    init(_ w: WeightScope) throws {
      path = w.path
      conv = try Conv2d(w / "conv", in: 3, out: 4, kernel: 3, padding: 1)
      gate = try Linear(w / "gate", in: 4, out: 4)
      shortcut = try Conv2d(w / "shortcut", in: 3, out: 4, kernel: 1)
    }

    func forward(_ x: Tensor) throws -> Tensor {
      let y = try conv(x)
      let gated = try y.scaledByChannel(gate(y.mean(axes: [2, 3])))
      return try (gated + shortcut(x)).activated(.relu)
    }
  }

  /// A gate passes over the image anyway; a convolution would have to read what it adds to.
  @Test func aSumIsTheGatesWhereThereIsOne() throws {
    let net = try WeightScope.bind(MadeWeights()) { try Gated($0) }
    let profile = try Compiled(net).profile([images()], runs: 1)
    #expect(profile.jointSteps.map(\.name) == ["channel gate + residual + relu"])
  }

  /// A module that is not compiled runs as it is written, each step under its own name.
  @Test func modulesAreNotJoinedByThemselves() throws {
    let profile = try net().profile([images()], runs: 1)
    #expect(profile.jointSteps.isEmpty)
    let names = profile.steps.map { "\($0.module.name) \($0.name)" }
    #expect(names.contains("stem.1 batch norm") && names.contains("stem.2 relu"))
    #expect(names.contains("norm batch norm") && names.contains("relu relu"))
    #expect(names.contains(" add") && names.contains("head linear + bias"))
  }

  @Test func anEagerRunJoinsNothing() throws {
    let (net, images) = (Compiled(try net()), try images())
    let (output, profile) = try Profile.measuring(runs: 1, isEager: true) { try net(images) }
    #expect(profile.isEager && profile.jointSteps.isEmpty)
    #expect(profile.steps.allSatisfy { $0.joined.isEmpty && !$0.isJoint })
    #expect(profile.steps.filter { $0.name == "batch norm" }.map(\.module) == ["stem.1", "norm"])
    let joint = try net(images).elements(as: Float.self)
    for (a, b) in zip(try output.elements(as: Float.self), joint) {
      #expect(abs(a - b) <= 1e-5 * max(1, abs(b)))
    }
  }

  @Test func everyModuleIsExplained() throws {
    let explanation = try Explanation(of: Compiled(net()), on: [images()])
    func line(_ path: ModulePath) throws -> Explanation.Line {
      try #require(explanation.modules.first { $0.path == path })
    }
    #expect(explanation.modules.count == 11)
    #expect(explanation.modules.map(\.path.name).prefix(3) == ["", "stem", "stem.0"])
    #expect(try line("stem.0").steps.map(\.isJoint) == [true])
    #expect(try line("stem.1").hosts.map(\.path) == ["stem.0"])
    #expect(try line("stem.1").hosts.map(\.isFolded) == [true])
    #expect(try line("stem.2").hosts.map(\.isFolded) == [false])
    #expect(try line("norm").hosts.map(\.path) == ["conv"])
    #expect(try line("relu").hosts.map(\.path) == ["conv"])
    #expect(try line("dropout").isView && line("dropout").steps.isEmpty)
    #expect(try line("stem").hasChildren && !line("head").hasChildren)
    let eager = try Explanation(of: Compiled(net()), on: [images()], isEager: true)
    #expect(eager.modules.allSatisfy { $0.hosts.isEmpty && $0.obstacle == nil })
  }

  @Test func whatKeepsModulesApartIsNamed() throws {
    let explanation = try Explanation(of: net(), on: [images()])
    func obstacle(_ path: ModulePath) -> Explanation.Obstacle? {
      explanation.modules.first { $0.path == path }?.obstacle
    }
    #expect(obstacle("stem.1") == .calledApart(from: "stem.0"))
    #expect(obstacle("norm") == .calledApart(from: "conv"))
    #expect(obstacle("relu") == .followsOperators)
  }

  @Test func theSpecificationIsProfiledToo() throws {
    let profile = try Compiled(net(.float64)).profile([images(.float64)], runs: 1)
    #expect(profile.steps.allSatisfy { $0.library == .plain })
    #expect(profile.jointSteps.count == 2)
  }

  /// Tasks that profile at a time see their own operators alone.
  @Test func tasksKeepTheirOwnLogs() async throws {
    let (net, images) = (Compiled(try net()), try images())
    let expected = try net.profile([images], runs: 1).steps.map(\.name)
    try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<8 {
        group.addTask { try net.profile([images], runs: 1).steps.map(\.name) }
      }
      for try await names in group { #expect(names == expected) }
    }
  }
}
