import Foundation
import Testing
import WeighbridgeCheckpoints
import WeighbridgeModules

@testable import WeighbridgeMapping

/// Files that hold a model's tensors more than once: which copy is taken, and that it is said.
@Suite struct CopiesTests {
  let loader = Loader(ArchitectureRegistry([ToyNet.self]))

  /// Every wrapper that is taken off by itself, and some that nest.
  static let wrappers = [
    "state_dict", "model_state_dict", "model_state", "model", "state_dict_ema", "model_ema", "ema",
    "net", "network", "params", "weights", "params_ema", "module", "_orig_mod", "ema_model",
    "ema.module", "module._orig_mod", "state_dict.model", "model_ema.module", "ema/module",
  ]

  /// A file with the toy under each lead; the values of the copy at position n are n thousands more.
  private func file(
    _ leads: [String], without: [(lead: String, name: String)] = [],
    adding extra: [(name: String, tensor: Tensor)] = []
  ) throws -> MemoryCheckpoint {
    var tensors: [(name: String, tensor: Tensor)] = []
    for (position, lead) in leads.enumerated() {
      for (name, tensor) in toyTensors() {
        if without.contains(where: { $0.lead == lead && $0.name == name }) { continue }
        let values = try tensor.elements(as: Float.self).map { $0 + 1000 * Float(position) }
        let separator = lead.isEmpty ? "" : lead.contains("/") ? "/" : "."
        tensors.append((lead + separator + name, try Tensor(values, shape: tensor.shape)))
      }
    }
    return MemoryCheckpoint(tensors + extra, path: "copies.npz")
  }

  /// Which copy the model got.
  private func copy(_ plan: ImportPlan) throws -> Int {
    let model = try #require(try plan.bind() as? ToyNet)
    return Int(try model.first.weight.elements(as: Float.self)[0]) / 1000
  }

  /// Tied tensors are stored under one name; the others are used where the model asks for them, and no
  /// name of a tensor that is used is one too many.
  @Test func tiedNamesAreUsedAndLeftOut() throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("weighbridge-tied-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let tensors = toyTensors().map { name, tensor in
      (name: name == "first.weight" ? "a.twin" : name, tensor: tensor)
    }
    try Checkpoints.write(
      path, format: .safetensors, tensors: tensors,
      metadata: ["first.weight": "a.twin", "z.twin": "a.twin"])
    let plan = try loader.plan(Checkpoints.open(path))
    #expect(plan.report.isOneToOne)
    #expect(plan.report.matched.contains { $0.source == "first.weight" })
    for name in ["a.twin", "z.twin"] {
      #expect(
        plan.report.notes.contains(
          "'\(name)' is another name of 'first.weight', which is used, and is left out"))
    }
    #expect(try copy(plan) == 0)
    // A name of its own is still one too many.
    try Checkpoints.write(
      path, format: .safetensors, tensors: tensors + [("b.twin", tensors[1].tensor)],
      metadata: ["first.weight": "a.twin"])
    #expect(
      try loader.plan(Checkpoints.open(path), model: "toy").report.unexpected.map(\.name)
        == ["b.twin"])
  }

  @Test(arguments: wrappers, [nil, "toy"])
  func exactNamesWinOverEveryWrappedCopy(wrapper: String, model: String?) throws {
    for leads in [["", wrapper], [wrapper, ""]] {
      let plan = try loader.plan(file(leads), model: model)
      #expect(plan.report.isOneToOne, "\(plan.report)")
      #expect(try copy(plan) == leads.firstIndex(of: ""))
      #expect(plan.report.matched.allSatisfy { $0.source == $0.parameter })
      #expect(plan.report.root == nil)
      let root = wrapper.replacing("/", with: ".")
      #expect(plan.report.copies == [.init(root: root, count: 8)])
      #expect(plan.report.notes.contains { $0.contains("`root: \"\(root)\"`") }, "\(plan.report)")
    }
  }

  @Test(arguments: wrappers)
  func aRootChoosesTheCopy(wrapper: String) throws {
    let plan = try loader.plan(file(["", wrapper]), root: wrapper)
    #expect(plan.report.isOneToOne, "\(plan.report)")
    #expect(try copy(plan) == 1)
    #expect(plan.report.root == wrapper.replacing("/", with: "."))
  }

  @Test func twoWrappedCopiesAreAnErrorThatListsThem() throws {
    for (index, first) in Self.wrappers.enumerated() {
      for second in Self.wrappers[(index + 1)...] {
        let (a, b) = (
          first.replacing("/", with: ".").split(separator: "."),
          second.replacing("/", with: ".").split(separator: ".")
        )
        // The same wrapper, or one inside the other.
        if a.starts(with: b) || b.starts(with: a) { continue }
        for model in [nil, "toy"] {
          let checkpoint = try file([first, second])
          let error = try #require(failure { try loader.plan(checkpoint, model: model) })
          #expect(error.code == .mapping && error.code.exitStatus == 2)
          #expect(error.message.contains("2 complete copies"), "\(first), \(second): \(error)")
          for root in [a, b].map({ $0.joined(separator: ".") }) {
            #expect(error.description.contains("`root: \"\(root)\"`"), "\(error)")
          }
          #expect(try copy(loader.plan(checkpoint, model: model, root: second)) == 1)
        }
      }
    }
  }

  @Test(arguments: [
    ("model", "model.ema"), ("state_dict", "state_dict.ema"), ("module", "module.module"),
    ("ema", "ema.module"), ("state_dict.model", "state_dict.model.params"),
  ])
  func theOuterOfTwoNestedCopiesIsTaken(outer: String, inner: String) throws {
    for leads in [[outer, inner], [inner, outer]] {
      let plan = try loader.plan(file(leads))
      #expect(plan.report.isOneToOne, "\(plan.report)")
      #expect(try copy(plan) == leads.firstIndex(of: outer))
      #expect(plan.report.root == outer)
      #expect(plan.report.copies.map(\.root) == [inner])
      #expect(try copy(loader.plan(file(leads), root: inner)) == leads.firstIndex(of: inner))
    }
  }

  @Test func threeCopiesAreListed() throws {
    let checkpoint = try file(["model", "ema", "state_dict"])
    let error = try #require(failure { try loader.plan(checkpoint) })
    #expect(error.message.contains("3 complete copies"))
    #expect(try copy(loader.plan(file(["model", "", "ema"]))) == 1)
  }

  @Test(arguments: wrappers)
  func aCopyWithoutBuffersNeverStandsInTheWay(wrapper: String) throws {
    let buffers = ["norm.running_mean", "norm.running_var"].map { (lead: wrapper, name: $0) }
    let counters: [(name: String, tensor: Tensor)] = [
      ("\(wrapper).num_updates", .blank([], .int64)), ("\(wrapper).decay", .blank([])),
    ]
    let exact = try loader.plan(file(["", wrapper], without: buffers, adding: counters))
    #expect(exact.report.isOneToOne, "\(exact.report)")
    #expect(try copy(exact) == 0)
    let other = wrapper.hasPrefix("state_dict") ? "model_ema" : "state_dict"
    guard wrapper.split(whereSeparator: { "./".contains($0) }).first != other[...] else { return }
    let wrapped = try loader.plan(file([wrapper, other], without: buffers))
    #expect(wrapped.report.isOneToOne, "\(wrapped.report)")
    #expect(try copy(wrapped) == 1)
    #expect(wrapped.report.root == other)
  }

  /// Half of the exact names at the top, all of them under a wrapper: neither is taken for the other.
  @Test(arguments: wrappers)
  func exactNamesAreNeverPassedOver(wrapper: String) throws {
    let gone = ["norm.weight", "second.weight"].map { (lead: "", name: $0) }
    let checkpoint = try file(["", wrapper], without: gone)
    let plan = try loader.plan(checkpoint, model: "toy")
    #expect(!plan.report.isOneToOne, "\(plan.report)")
    #expect(try copy(loader.plan(checkpoint, model: "toy", root: wrapper)) == 1)
  }

  @Test func tensorsThatNobodyKnowsAreStillUnexpected() throws {
    let unknown: [(name: String, tensor: Tensor)] = [("ema.more.weight", .blank([2, 2]))]
    let plan = try loader.plan(file(["", "ema"], adding: unknown))
    #expect(plan.report.unexpected.map(\.name) == ["ema.more.weight"])
    let lone: [(name: String, tensor: Tensor)] = [("net.0.weight", .blank([2, 2]))]
    #expect(try loader.plan(file([""], adding: lone)).report.unexpected.count == 1)
    let other = try loader.plan(file(["", "teacher"]), model: "toy")
    #expect(other.report.unexpected.count == 8)
    #expect(try copy(loader.plan(file(["", "teacher"]), root: "teacher")) == 1)
  }

  @Test func rootsThatAreNotThere() throws {
    let error = try #require(failure { try loader.plan(file(["model", "ema"]), root: "emma") })
    #expect(error.code == .mapping)
    #expect(error.description.contains("nothing stands under 'emma'"))
    #expect(error.description.contains("ema, model"))
    #expect(failure { try loader.plan(file(["model"]), root: ".") }?.code == .usage)
    #expect(failure { try loader.plan(file([""]), root: "first.weight") }?.code == .mapping)
  }

  @Test func modulesOfYourOwnFollowTheSameRule() throws {
    func net(_ scope: WeightScope) throws -> ToyNet {
      try ToyNet(scope, Configuration.toy)
    }
    let exact = try Weights.load(file(["ema", ""]), net)
    #expect(try exact.first.weight.elements(as: Float.self)[0] == 1001)
    let error = try #require(failure { try Weights.load(file(["ema", "model"]), net) })
    #expect(error.description.contains("`root: \"model\"` or `root: \"ema\"`"))
    let chosen = try Weights.load(file(["ema", "model"]), root: "ema", net)
    #expect(try chosen.first.weight.elements(as: Float.self)[0] == 1)
    #expect(try Weights.report(file(["ema", "model"]), root: "model", net).root == "model")
    let whole = try Export(file(["ema", "model"]), root: "ema")
    #expect(whole.items.map(\.name) == toyTensors().map(\.name))
  }
}

extension Configuration {
  /// The toy as `toyTensors()` has it.
  static var toy: Configuration {
    get throws {
      var configuration = ToyNet.defaults
      try configuration.set("width", .integer(4), origin: .given)
      try configuration.set("classes", .integer(2), origin: .given)
      return configuration
    }
  }
}
