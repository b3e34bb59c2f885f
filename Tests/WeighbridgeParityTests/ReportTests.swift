import Foundation
import Testing
import WeighbridgeModules
import WeighbridgeWeights

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

@Suite struct ReportTests {
  private func verdict(_ faults: Faults = Faults()) throws -> Verdict {
    var verdict = Verdict(
      model: "toy", result: try validate(faults, against: .toy()), environment: RunEnvironment())
    verdict.result?.seconds = .init()
    verdict.environment.threads = 2
    verdict.environment.engine = "engine"
    return verdict
  }

  @Test func headlineNamesTheFirstSource() throws {
    let line = Headline.line(try verdict(Faults(leaf: ["blocks.0.fc": 1e-3])))
    #expect(
      line.hasPrefix(
        "FAIL toy · first source blocks.0.fc (call 0) · likely the sum with 0.001 of blocks.0.fc is "
          + "not in the reference, which hands on blocks.0.fc (noise ratio "))
    #expect(line.hasSuffix(" → 0) · 1 source, 10 inherited"))
    #expect(Headline.line(try verdict()).hasPrefix("PASS toy · 11 ok · largest error "))
  }

  @Test(arguments: [60, 80, 100, 140])
  func reportFitsItsWidth(_ width: Int) throws {
    for faults in [Faults(), Faults(leaf: ["blocks.0.fc": 1e-3]), Faults(nan: ["blocks.1.fc"])] {
      let text = TerminalReport(width: width).text(try verdict(faults))
      let lines = text.split(separator: "\n").dropFirst()
      #expect(lines.allSatisfy { $0.count <= width }, "\(text)")
      #expect(!text.contains("\u{1b}"))
    }
  }

  @Test func passesAreCollapsed() throws {
    let text = TerminalReport(width: 90).text(try verdict(Faults(glue: ["blocks.1": 1e-3])))
    #expect(text.contains("ok ×5"))
    #expect(text.contains("blocks.0.fc … blocks.1.relu"))
    #expect(text.contains("glue"))
    #expect(text.contains("recorded"))
  }

  /// What follows from an error does not push its cause off the screen.
  @Test func consequencesAreCollapsed() throws {
    let text = TerminalReport(width: 100).text(try verdict(Faults(leaf: ["blocks.0.fc": 1e-3])))
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("inherited") }
    #expect(rows.count == 3, "\(text)")
    #expect(rows.first?.hasPrefix("inherited ×") == true)
  }

  @Test func theLegendExplainsTheColumnsInOneLine() throws {
    let lines = TerminalReport(width: 80).text(try verdict()).split(separator: "\n")
    #expect(
      lines[1] == "isolated: on recorded inputs · end to end: whole run · error ÷ noise, limit 4")
    var elementwise = Verdict(
      model: "toy",
      result: try validate(against: .toy()) {
        $0.tolerance = .init(relative: 0, absolute: 1e-3)
        $0.isolates = false
      })
    elementwise.environment.threads = 2
    let other = TerminalReport(width: 80).text(elementwise)
    #expect(
      other.contains("\nend to end: whole run · max |Δ| ÷ (atol + rtol·|recorded|), limit 1\n"))
    #expect(!other.contains("isolated:") && !other.contains("†"))
  }

  /// A single wrong element moves the RMS little: the row says why it fails all the same.
  @Test func theLargestElementIsNamedWhereItDecides() throws {
    var wrong = try verdict(Faults(leaf: ["blocks.0.fc": 1e-3]))
    wrong.result?.layers[0].isolated?.judgement.ratio = 2
    wrong.result?.layers[0].isolated?.judgement.largestRatio = 9
    let text = TerminalReport(width: 200).text(wrong)
    #expect(text.contains("this element's error is 9.0 times the noise's largest, limit 8"))
  }

  @Test func nothingIsShortenedWhereThereIsRoom() throws {
    let name = String(repeating: "block.", count: 60) + "fc"
    var wrong = try verdict(Faults(leaf: ["blocks.0.fc": 1e-3]))
    wrong.result?.layers[0].line = .module(ActivationKey(ModulePath(name)))
    #expect(TerminalReport(width: 1 << 20).text(wrong).contains(name))
    #expect(TerminalReport(width: 80).text(wrong).contains("…"))
  }

  @Test func colourOnlyWhereAsked() throws {
    #expect(TerminalReport(width: 80, hasColor: true).text(try verdict()).contains("\u{1b}[32m"))
  }

  @Test func jsonHasTheMembersThatScriptsRead() throws {
    let text = try verdict(Faults(nan: ["blocks.1.fc"])).json.text(indented: true)
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["schema_version"] as? Int == 1)
    #expect(object["verdict"] as? String == "fail")
    #expect(object["exit_code"] as? Int == 1)
    #expect(object["model"] as? String == "toy")
    #expect(object["first_divergence"] as? String == "blocks.1.fc")
    for key in ["uncovered", "unreferenced", "layers", "outputs"] { #expect(object[key] is [Any]) }
    #expect(object["config"] is [String: Any])
    let mapping = try #require(object["mapping"] as? [String: Any])
    #expect(
      Set(mapping.keys).isSuperset(of: ["matched", "missing", "unexpected", "mismatched", "dead"]))
    let seconds = try #require(object["seconds"] as? [String: Any])
    #expect(Set(seconds.keys).isSuperset(of: ["read", "bind", "forward", "compare"]))
    let layers = try #require(object["layers"] as? [[String: Any]])
    let outputs = try #require(object["outputs"] as? [[String: Any]])
    let members = [
      "path", "call", "kind", "shape", "status", "max_abs", "rms", "max_rel", "cosine",
      "noise_ratio", "limit",
    ]
    for layer in layers + outputs { #expect(Set(layer.keys).isSuperset(of: members)) }
    let wrong = try #require(layers.first { $0["path"] as? String == "blocks.1.fc" })
    #expect(wrong["max_abs"] as? String == "nan")
    #expect(wrong["status"] as? String == "nonfinite")
    #expect(wrong["shape"] as? [Int] == [3, 6])
    #expect(layers.first { $0["path"] as? String == "tail" && $0["call"] as? Int == 1 } != nil)
  }

  @Test func passingVerdictHasNoDivergence() throws {
    let text = try verdict().json.text()
    #expect(text.contains(#""verdict":"pass","exit_code":0"#))
    #expect(text.contains(#""first_divergence":null"#))
  }

  @Test func errorsAreInTheJSON() {
    let verdict = Verdict(
      model: "vit",
      failure: WeighbridgeError(.malformed, "is \"broken\"", file: "a\nb", entry: "x"))
    #expect(verdict.exitStatus == 3)
    #expect(verdict.json.text().contains(#""verdict":"fail","exit_code":3"#))
    #expect(!Headline.line(verdict).contains("\n"))
  }

  @Test func junitIsWellFormedXML() throws {
    var wrong = try verdict(Faults(leaf: ["blocks.0.fc": 1e-3]))
    wrong.model = "a<b>&\"c\"\u{1}"
    wrong.result?.layers[1].grounds = [.afterSamples("]]> & <\n>")]
    let text = JUnitReport().text(wrong)
    #expect(text.contains("tests=\"12\" failures=\"12\""))
    #expect(text.contains("a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}"))
    let raw = text.replacingOccurrences(of: "&[a-z#0-9]+;", with: "", options: .regularExpression)
    #expect(!raw.contains("&"))
    let passing = JUnitReport().text(try verdict())
    #expect(passing.contains("tests=\"12\" failures=\"0\""))
  }

  @Test func junitOfAFailureWithoutLayersFails() {
    let text = JUnitReport().text(
      Verdict(model: "vit", failure: WeighbridgeError(.unreadable, "is gone", file: "x.npz")))
    #expect(text.contains("tests=\"1\" failures=\"1\""))
    #expect(text.contains("x.npz: is gone"))
  }
}
