import Foundation
import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

@Suite struct HTMLReportTests {
  private func report(_ faults: Faults, model: String = "toy") throws -> String {
    let verdict = Verdict(model: model, result: try validate(faults, against: .toy()))
    return HTMLReport(verdict, command: "weighbridge validate 'a <b>'").text
  }

  /// Every element that is opened is closed, in order: the parser of XML would refuse it otherwise.
  private func isBalanced(_ html: String) throws -> Bool {
    let void: Set<Substring> = ["meta", "link", "br", "wbr", "!doctype"]
    var open: [Substring] = []
    for match in html.matches(of: /<(\/?)([a-z!0-9]+)[^<>]*?(\/?)>/) {
      if void.contains(match.2) || !match.3.isEmpty { continue }
      if match.1.isEmpty {
        open.append(match.2)
      } else if open.popLast() != match.2 {
        return false
      }
    }
    return open.isEmpty
  }

  @Test(arguments: [
    Faults(), Faults(leaf: ["blocks.0.fc": 1e-3]), Faults(nan: ["blocks.1.fc"]),
    Faults(doublesOutput: true),
  ])
  func reportIsOneWellFormedFile(_ faults: Faults) throws {
    let text = try report(faults)
    #expect(try isBalanced(text))
    // Nothing is fetched.
    #expect(!text.contains("http://") && !text.contains("https://"))
    #expect(!text.contains("<script") && !text.contains("src="))
    #expect(!text.contains("nan\"") || !text.contains("=\"nan\""))
    #expect(text.contains("prefers-color-scheme:dark"))
    #expect(text.contains("&#39;a &lt;b&gt;&#39;"))
  }

  @Test func diagnosesAreCards() throws {
    var verdict = Verdict(
      model: "toy", result: try validate(Faults(leaf: ["blocks.0.fc": 1e-3]), against: .toy()))
    verdict.result?.diagnoses = []
    #expect(
      HTMLReport(verdict, command: "").text.contains("None of the causes that were tried"))
    let cause = Cause(
      .layerNormEpsilon, "eps is 1e-6 <here>, the reference has 1e-5",
      fix: .configuration(key: "eps", value: .number(1e-5)))
    var diagnosis = Diagnosis(
      path: "blocks.0.fc", call: 0, kind: "LayerNorm", layer: "blocks.0.fc", certainty: .ambiguous,
      best: .init(cause: cause, ratio: 1), ratioBefore: 61, rivals: [.init(cause: cause, ratio: 2)])
    var alike = diagnosis
    alike.path = "blocks.1.fc"
    // Itself is not named again.
    diagnosis.alike = [alike, diagnosis]
    verdict.result?.diagnoses = [diagnosis]
    let text = HTMLReport(verdict, command: "").text
    #expect(try isBalanced(text))
    for words in [
      "ambiguous</span> blocks.0.fc: eps is 1e-6 &lt;here&gt;", "falls from 61.0 to 1.0",
      "<pre>eps=1e-05</pre>", "This would explain it as well", "The same in blocks.1.fc.",
    ] {
      #expect(text.contains(words), "\(words)")
    }
  }

  /// The mapping's problems come first, with what was probably meant.
  @Test func problemsOfNamesAreListed() throws {
    let report = try Weights.report(Toy.checkpoint()) { w in
      try Linear(w / "blocks" / 0 / "fd", in: Toy.width, out: Toy.width)
    }
    let text = HTMLReport(Verdict(model: "toy", mapping: report), command: "").text
    #expect(try isBalanced(text))
    #expect(text.contains("m-missing") && text.contains("m-unexpected"))
    #expect(text.contains("did you mean blocks.<wbr>0.<wbr>fc.<wbr>weight?"))
  }

  @Test func referencesHaveAReportOfTheirOwn() throws {
    var changed = try RecordedEntries.toy()
    changed["activations/blocks.1"] = try #require(changed["activations/blocks.1"]).affine(shift: 1)
    let diff = try ReferenceDiff(changed.reference(), RecordedEntries.toy().reference())
    let text = HTMLReport(diff.verdict, command: "weighbridge diff").text
    #expect(try isBalanced(text))
    #expect(text.contains("<th class=\"number\">ratio</th>") && !text.contains(">alone<"))
    #expect(text.contains("first against second"))
    #expect(!text.contains("Module tree") && !text.contains("<h2>Why</h2>"))
  }

  /// Three hundred layers, all wrong, are no more than 3 MB.
  @Test func aDeepNetworksReportIsSmall() throws {
    var verdict = Verdict(
      model: "toy", result: try validate(Faults(leaf: ["blocks.0.fc": 1e-3]), against: .toy()))
    let layers = verdict.result?.layers ?? []
    let one = try #require(verdict.result?.details.first)
    verdict.result?.layers = (0..<300).map { index in
      var layer = layers[index % layers.count]
      let path = "layer\(index / 100).\(index / 10 % 10).\(layer.path.name)\(index)"
      layer.line = .module(ActivationKey(ModulePath(path)))
      return layer
    }
    verdict.result?.details = [one, one, one, one]
    #expect(HTMLReport(verdict, command: "").text.utf8.count < 3_000_000)
  }

  @Test func causesAreDrawn() throws {
    #expect(try report(Faults(leaf: ["blocks.0.fc": 1e-3])).contains("Closer look: blocks.0.fc"))
    #expect(try !report(Faults()).contains("Closer look"))
  }

  @Test func namesAreEscaped() throws {
    let text = try report(Faults(), model: "<script>alert(1)</script>")
    #expect(!text.contains("<script"))
  }

  @Test func errorsHaveAReportToo() throws {
    let verdict = Verdict(
      model: "vit", failure: WeighbridgeError(.unreadable, "is gone", file: "x.npz"))
    #expect(try isBalanced(HTMLReport(verdict, command: "").text))
  }

  /// A plane shows the worst element of every cell, channels their own error.
  @Test func detailKeepsTheWorst() throws {
    var values = [Float](repeating: 1, count: 2 * 3 * 100 * 70)
    let reference = try Tensor(values, shape: [2, 3, 100, 70])
    values[(1 * 3 + 2) * 7000 + 51 * 70 + 13] = 5
    let got = try Tensor(values, shape: [2, 3, 100, 70])
    let detail = try LayerDetail("x", got: got, reference: reference, worst: [1, 2, 51, 13])
    #expect(detail.plane.lead == [1, 2])
    #expect(detail.plane.rows == 48 && detail.plane.columns == 48)
    #expect(detail.plane.got.max() == 5)
    #expect(detail.plane.got.count { $0 == 5 } == 1)
    #expect(detail.channelErrors == [0, 0, (16.0 / 14000).squareRoot()])
    #expect(detail.sample.last == .init(got: 5, reference: 1))
  }

  /// What is no number is drawn in a colour of its own, errors too.
  @Test func notFiniteIsMagenta() throws {
    let reference = try Tensor([Float](repeating: 1, count: 6), shape: [2, 3])
    let got = try Tensor([1, 1, .nan, 1, 2, .infinity] as [Float], shape: [2, 3])
    let detail = try LayerDetail("x", got: got, reference: reference, worst: [0, 2])
    let html = DetailCharts(detail, Wording(.model)).html
    #expect(html.matches(of: /#f0f/).count == 4)
    #expect(html.contains("rms error by channel; magenta: not finite") && html.contains("7.1e-01"))
    #expect(!html.contains("\"nan\""))
  }

  @Test(arguments: [Shape([]), [1], [5], [2, 3], [3, 1000], [1, 200, 2]])
  func detailOfAnyShape(_ shape: Shape) throws {
    let x = try Tensor([Float](repeating: 1, count: shape.elementCount), shape: shape)
    let detail = try LayerDetail(
      "x", got: x, reference: x, worst: [Int](repeating: 0, count: shape.rank))
    #expect(detail.plane.got.count == detail.plane.rows * detail.plane.columns)
    #expect(detail.channelErrors.allSatisfy { $0 == 0 })
  }
}
