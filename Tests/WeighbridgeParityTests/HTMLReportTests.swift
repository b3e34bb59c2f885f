import Foundation
import Testing
import WeighbridgeModules

@testable import WeighbridgeParity

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

  @Test(arguments: [Shape([]), [1], [5], [2, 3], [3, 1000], [1, 200, 2]])
  func detailOfAnyShape(_ shape: Shape) throws {
    let x = try Tensor([Float](repeating: 1, count: shape.elementCount), shape: shape)
    let detail = try LayerDetail(
      "x", got: x, reference: x, worst: [Int](repeating: 0, count: shape.rank))
    #expect(detail.plane.got.count == detail.plane.rows * detail.plane.columns)
    #expect(detail.channelErrors.allSatisfy { $0 == 0 })
  }
}
