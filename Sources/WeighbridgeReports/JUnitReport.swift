import WeighbridgeReferences
import WeighbridgeVerdicts

/// The verdict as JUnit XML: one test case per layer and output, for continuous integration.
package struct JUnitReport: Sendable {
  package init() {}

  package func text(_ verdict: Verdict) -> String {
    let result = verdict.result ?? ParityResult()
    let causes = Causes(result.diagnoses)
    var cases = (result.layers + result.outputs + result.production).map {
      testCase($0, verdict.model, causes[$0])
    }
    var failures = (result.layers + result.outputs + result.production).count {
      $0.status.isFailure
    }
    if !verdict.passes, failures == 0 {
      failures = 1
      let message = XML.escaped(Headline.line(verdict))
      cases.append(
        """
            <testcase classname="\(XML.escaped(verdict.model))" name="verdict">
              <failure message="\(message)"/>
            </testcase>
        """)
    }
    let unseen = result.reach?.unseen ?? []
    cases += unseen.map { unseenCase($0, verdict.model) }
    let skipped =
      unseen.count
      + (result.layers + result.outputs + result.production).count {
        $0.status == .missing
      }
    let seconds = result.seconds
    let time =
      seconds.read + seconds.bind + seconds.forward + seconds.isolated + seconds.production
      + seconds.reach + seconds.compare
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites>
        <testsuite name="weighbridge validate \(XML.escaped(verdict.model))" \
      tests="\(cases.count)" failures="\(failures)" errors="0" skipped="\(skipped)" time="\(time)">
      \(cases.joined(separator: "\n"))
        </testsuite>
      </testsuites>

      """
  }

  /// A parameter that a pass says nothing of: a test that was not run.
  private func unseenCase(_ parameter: Reach.Parameter, _ model: String) -> String {
    let reason = "nothing compared reacts to it" + (parameter.reason.map { ": \($0)" } ?? "")
    return """
          <testcase classname="\(XML.escaped(model))" name="unseen \(XML.escaped(parameter.name))">
            <skipped message="\(XML.escaped(reason))"/>
          </testcase>
      """
  }

  private func testCase(
    _ layer: LayerVerdict, _ model: String, _ diagnosis: Diagnosis?
  ) -> String {
    let head =
      "    <testcase classname=\"\(XML.escaped(model))\" name=\"\(XML.escaped(layer.name))\""
    if layer.status == .missing {
      let reason = XML.escaped(layer.reason ?? "no recorded activation")
      return head + ">\n      <skipped message=\"\(reason)\"/>\n    </testcase>"
    }
    guard layer.status.isFailure else {
      // JUnit knows no warnings.
      guard layer.status == .reshaped, let reason = layer.reason else { return head + "/>" }
      return head
        + ">\n      <system-out>reshaped: \(XML.escaped(reason))</system-out>\n    </testcase>"
    }
    var message = layer.status.rawValue
    if let reason = layer.reason { message += ": \(reason)" }
    if let figures = layer.cumulative?.figures {
      message += ", max|Δ| \(Format.small(figures.maxAbs))"
    }
    if let ratio = layer.cumulative?.judgement.ratio {
      message += ", ratio \(Format.ratio(ratio))"
    }
    if let diagnosis { message += ", \(diagnosis.summary)" }
    let fix = diagnosis.map { ">fix: \(XML.escaped($0.best.cause.fix.text))</failure>" } ?? "/>"
    return head + ">\n      <failure type=\"\(layer.status.rawValue)\" "
      + "message=\"\(XML.escaped(message))\"\(fix)\n    </testcase>"
  }

  /// Which diagnosis is about which layer: that where it shows, and the module to blame.
  private struct Causes {
    private var known: [Line: Diagnosis] = [:]

    init(_ diagnoses: [Diagnosis]) {
      for diagnosis in diagnoses.flatMap({ [$0] + $0.alike }) {
        for key in [
          diagnosis.layer, .module(ActivationKey(diagnosis.path, call: diagnosis.call)),
        ]
        where known[key] == nil {
          known[key] = diagnosis
        }
      }
    }

    subscript(layer: LayerVerdict) -> Diagnosis? {
      guard layer.status.isCause else { return nil }
      if case .production(let index) = layer.line { return known[.output(index)] }
      return known[layer.line]
    }
  }
}

/// Text in XML and HTML.
enum XML {
  /// The text with markup escaped, characters that XML 1.0 does not allow as U+FFFD, and those that
  /// change the direction of text shown as escapes; a text of unusual length loses its middle.
  static func escaped(_ text: String) -> String {
    text.shortened(to: 1 << 16).unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\r", "\t": result += "&#\(scalar.value);"
      case _ where scalar.value < 0x20 || scalar.value == 0xfffe || scalar.value == 0xffff:
        result += "\u{fffd}"
      case _ where scalar.isObeyed: result += escaped(scalar.escaped(asASCII: true))
      default: result.unicodeScalars.append(scalar)
      }
    }
  }
}
