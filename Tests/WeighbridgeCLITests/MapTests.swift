import Foundation
import TestSupport
import Testing
import Weighbridge

@Suite struct MapTests {
  @Test func oneToOne() throws {
    let space = try Workspace()
    _ = try space.checkpoint("gate.npz", gateTensors())
    let run = try CommandRun("map", "gate.npz", directory: space.directory)
    #expect(run.status == 0)
    #expect(
      run.output == """
        gate.npz → se_layer
          channel=16 (inferred)
          reduction=8 (inferred)
        one to one: 2 parameters and buffers match
        notes (1)
          se_layer, by names and shapes

        """)
  }

  @Test func notOneToOneIs2AndListsEverything() throws {
    let space = try Workspace()
    let tensor = try Tensor([Float](repeating: 1, count: 32), shape: [2, 16])
    _ = try space.checkpoint("gate.npz", ["fc.0.weight": tensor, "fc.3.weigth": tensor])
    let run = try CommandRun(
      "map", "gate.npz", "--model", "se_layer", "--config", "channel=16", "--config", "reduction=8",
      directory: space.directory)
    #expect(run.status == 2)
    #expect(
      run.errors == """
        weighbridge: error: gate.npz: the names do not map one to one: 1 missing (fc.2.weight), \
        1 unexpected (fc.3.weigth). Rename or change tensors with --rules, or name another --model

        """)
    #expect(run.output.contains("missing: the model asks for them, the file has none (1)"))
    #expect(run.output.contains("  fc.2.weight [16, 2]"))
    #expect(run.output.contains("did you mean (1)\n  fc.3.weigth for fc.2.weight"))
    let document = try json(
      CommandRun(
        "map", "gate.npz", "--model", "se_layer", "--config", "channel=16", "--config",
        "reduction=8", "--json", directory: space.directory))
    #expect(document["missing"] as? [String] == ["fc.2.weight"])
    #expect(document["unexpected"] as? [String] == ["fc.3.weigth"])
    let matched = try #require(document["matched"] as? [[String: Any]])
    #expect(matched.first?["parameter"] as? String == "fc.0.weight")
    #expect(matched.first?["transform"] is NSNull)
  }

  /// Hundreds of names without a counterpart are no list to work off.
  @Test func aForeignNetworkIsCalledSo() throws {
    let run = try CommandRun("map", Repository.fixture("vit_digits.npz"), "--model", "se_resnet50")
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("is probably not of this architecture: 0 of 299"))
    #expect(run.firstErrorLine.hasSuffix("By names and shapes it is vit: --model vit"))
    #expect(!run.output.contains("did you mean"))
  }

  @Test(arguments: [
    ("vitt", "Did you mean vit?"), ("ViT", "Did you mean vit?"),
    ("se-resnet50", "Did you mean se_resnet50?"), ("resnet50", "Did you mean se_resnet50?"),
    ("gpt2", "`weighbridge models` lists"),
  ])
  func unknownModelsAreGuessed(_ id: String, _ hint: String) throws {
    let run = try CommandRun("map", Repository.fixture("stn.npz"), "--model", id)
    #expect(run.status == 64)
    #expect(run.firstErrorLine.contains("there is no architecture '\(id)'. \(hint)"))
  }

  /// The rules file is at fault, so that it is malformed, whatever the command.
  @Test(arguments: ["$9", "$", "$x"])
  func aTemplateWithoutItsGroupIs3(_ template: String) throws {
    let space = try Workspace()
    let rules = try space.text(
      "rules.yaml", "# one\n- rename: {regex: '(.*)fc(.*)', to: '\(template)'}\n")
    let run = try CommandRun("map", Repository.fixture("se_layer.npz"), "--rules", rules)
    #expect(run.status == 3)
    #expect(run.firstErrorLine.contains("rules.yaml:2: "))
    #expect(run.firstErrorLine.contains(template))
  }

  @Test func rulesAreApplied() throws {
    let space = try Workspace()
    let tensors = try gateTensors()
    _ = try space.checkpoint(
      "gate.npz", ["squeeze": tensors[0].value.transposed(), "fc.2.weight": tensors[1].value])
    _ = try space.text(
      "rules.yaml",
      "- rename: {tensor: squeeze, to: fc.0.weight}\n- transpose: {tensor: fc.0.weight}\n")
    let run = try CommandRun(
      "map", "gate.npz", "--rules", "rules.yaml", "--json", directory: space.directory)
    #expect(run.status == 0, "\(run.errors)")
    let matched = try #require(try json(run)["matched"] as? [[String: Any]])
    #expect(matched[0]["source"] as? String == "squeeze")
    #expect(matched[0]["transform"] as? String == "permute [1, 0]")
    let text = try CommandRun(
      "map", "gate.npz", "--rules", "rules.yaml", directory: space.directory)
    #expect(text.output.contains("fc.0.weight  squeeze  [2, 16]  permute [1, 0]"))
  }

  @Test func theRulesInTheHelpAreRules() throws {
    let help = try CommandRun("map", "--help").output
    let start = try #require(help.range(of: "  - rename"))
    let end = try #require(help.range(of: "\nA rule that matches"))
    let rules = try Rules(yaml: String(help[start.lowerBound..<end.lowerBound]))
    #expect(Set(rules.rules.map(\.keyword)).count == 12)
  }

  @Test func badRulesAre3AndNameTheLine() throws {
    let space = try Workspace()
    let path = try space.checkpoint("gate.npz", gateTensors())
    let cases: [(String, Int32, String)] = [
      ("- renam: {tensor: a, to: b}\n", 3, "bad.yaml:1"),
      ("- drop: {tensor: a}\n", 3, "needs 'reason'"),
      ("- rename: {tensor: nothing, to: x}\n", 2, "no tensor matches"),
      ("- [\n", 3, "is not YAML"),
    ]
    for (text, status, message) in cases {
      let rules = try space.text("bad.yaml", text)
      let run = try CommandRun("map", path, "--rules", rules)
      #expect(run.status == status, "\(run.errors)")
      #expect(run.firstErrorLine.contains(message))
    }
    let run = try CommandRun("map", path, "--rules", space.path("none.yaml"))
    #expect(run.status == 3)
  }

  @Test func contradictionsAre2() throws {
    let run = try CommandRun(
      "map", Repository.fixture("se_layer.npz"), "--config", "channel=64")
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("channel=64") && run.firstErrorLine.contains("channel=32"))
  }

  @Test func anotherModelIs2() throws {
    for model in ["vit", "se_layer", "se_resnet50"] {
      let run = try CommandRun("map", Repository.fixture("stn.npz"), "--model", model)
      #expect(run.status == 2, "\(model): \(run.errors)")
      #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
    }
    let run = try CommandRun("map", Repository.fixture("stn_reference.npz"))
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("recorded activations"))
  }

  @Test(arguments: ["stn", "vit_digits", "se_bottleneck", "lvc_block"])
  func fixturesMapFromBothFormats(name: String) throws {
    for file in ["\(name).npz", "\(name).h5"] {
      let run = try CommandRun("map", Repository.fixture(file))
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("one to one"))
    }
  }
}
