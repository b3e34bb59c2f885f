import WeighbridgeVerdicts
import WeighbridgeWeights

extension Verdict {
  /// The report with charts: one HTML file that needs no network.
  ///
  /// - Parameter command: What repeats the verdict, for the reader; left out where it is `nil`.
  public func html(command: String? = nil) -> String {
    HTMLReport(self, command: command ?? "").text
  }

  /// The verdict as the JSON document that `weighbridge validate --json` prints.
  public func jsonText() -> String { json.text(indented: true) + "\n" }

  /// The verdict as JUnit XML: one test case per layer and output.
  public func junit() -> String { JUnitReport().text(self) }

  /// Writes reports, each whole or not at all; existing files are replaced.
  ///
  /// - Throws: `unwritable`, naming the file.
  public func write(
    html: String? = nil, json: String? = nil, junit: String? = nil, command: String? = nil
  ) throws {
    let reports: [(path: String?, text: () -> String)] = [
      (html, { self.html(command: command) }), (json, jsonText), (junit, self.junit),
    ]
    for report in reports {
      guard let path = report.path else { continue }
      let file = try OutputFile(path: path)
      try file.append(Array(report.text().utf8))
      try file.commit()
    }
  }
}

extension ParityResult {
  /// The result as a verdict on the network that was judged, which reports are made of.
  public var verdict: Verdict { Verdict(model: model, result: self) }

  /// The report with charts: one HTML file that needs no network.
  public func html() -> String { verdict.html() }

  /// The result as the JSON document that `weighbridge validate --json` prints.
  public func jsonText() -> String { verdict.jsonText() }

  /// The result as JUnit XML: one test case per layer and output.
  public func junit() -> String { verdict.junit() }
}
