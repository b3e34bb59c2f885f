import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeVerdicts

/// The report for people: the headline, what does not map, the layers in execution order with runs
/// of passes collapsed, the outputs, what was not covered, and where the time went.
public struct TerminalReport: Sendable {
  /// The columns to fit.
  public var width: Int
  /// Whether escape sequences may be used.
  public var hasColor: Bool

  /// - Parameters:
  ///   - width: The columns to fit, 60 at least.
  ///   - hasColor: Whether escape sequences may be used.
  public init(width: Int = 80, hasColor: Bool = false) {
    self.width = max(60, width)
    self.hasColor = hasColor
  }

  /// The whole report, without a newline at the end.
  public func text(_ verdict: Verdict) -> String {
    lines(verdict).joined(separator: "\n")
  }

  func lines(_ verdict: Verdict) -> [String] {
    let ink = Ink(isOn: hasColor)
    // The cause follows in lines of its own.
    let headline = Headline.line(verdict, withCause: false).escapingControlCharacters()
    var lines = [ink(headline, verdict.passes ? .good : .bad)]
    guard verdict.failure == nil else { return lines }
    lines += verdict.hints.flatMap { wrapped($0.escapingControlCharacters()) }
    if let report = verdict.mapping { lines += mapping(report) }
    guard let result = verdict.result else {
      let notes = verdict.mapping?.notes ?? []
      return lines + notes.flatMap { wrapped("note: \($0.escapingControlCharacters())") }
    }
    let words = Wording(verdict.subject)
    for diagnosis in result.diagnoses {
      // The hint has said it of all layers at once.
      if diagnosis.best.cause.kind == .truncatedDType, verdict.storesHalfPrecision { continue }
      lines += why(diagnosis)
    }
    lines += unexplained(result)
    lines.append("")
    lines += LayerTable(result, verdict.subject, width: width, ink: ink).lines
    lines += listing(words.onlyRecorded, result.uncovered)
    lines += listing(words.onlyGot, result.unreferenced)
    lines += listing("unseen, nothing compared reacts", result.reach?.unseen.map(\.text) ?? [])
    lines += listing("seen in part", result.reach?.partlySeen.map(\.text) ?? [])
    lines += listing("not tried", result.reach?.untried.map(\.name) ?? [])
    lines += result.differences.flatMap {
      wrapped("different: \($0.escapingControlCharacters())")
    }
    let notes = (verdict.mapping?.notes ?? []) + result.notes
    lines += notes.flatMap { wrapped("note: \($0.escapingControlCharacters())") }
    lines.append("")
    lines += wrapped(footer(verdict, result.seconds))
    return lines
  }

  /// What is wrong with a layer, and how to put it right.
  private func why(_ diagnosis: Diagnosis) -> [String] {
    let place = Diagnosis.name(of: diagnosis.path)
    var lines = ["", "\(diagnosis.certainty.rawValue): \(place) (\(diagnosis.kind))"]
    func add(_ candidate: Diagnosis.Candidate, _ lead: String) {
      lines += wrapped("\(lead)\(candidate.cause.text)\(diagnosis.change(candidate))", indent: 2)
      switch candidate.cause.fix {
      case .parameters:
        lines.append("  fix: these rules, which \(Setting.suggestedRules) writes")
        lines += candidate.cause.fix.text.split(separator: "\n").map { "    \($0)" }
      case .configuration, .code:
        lines += wrapped("fix: \(candidate.cause.fix.text)", indent: 2)
      }
    }
    add(diagnosis.best, "")
    for rival in diagnosis.rivals.prefix(3) { add(rival, "or ") }
    let alike = diagnosis.alikeNames
    if !alike.isEmpty {
      lines += wrapped("the same in \(TerminalReport.listed(alike))", indent: 2)
    }
    return lines.map { $0.escapingControlCharacters() }
  }

  /// The causes that were looked into in vain.
  private func unexplained(_ result: ParityResult) -> [String] {
    let names = result.undiagnosed.map(\.description)
    guard !names.isEmpty else { return [] }
    let lines =
      wrapped("none: no single change that was tried explains \(TerminalReport.listed(names))")
      + result.pythonPlaces.flatMap { wrapped("in Python \($0)", indent: 2) }
    return [""] + lines.map { $0.escapingControlCharacters() }
  }

  private static func listed(_ names: [String]) -> String {
    let more = names.count > 6 ? " and \(names.count - 6) more" : ""
    return names.prefix(6).joined(separator: ", ") + more
  }

  private func mapping(_ report: MappingReport) -> [String] {
    var lines = listing("missing in the checkpoint", report.missing.map(\.parameter))
    lines += listing("unexpected in the checkpoint", report.unexpected.map(\.source))
    lines += listing(
      "that do not fit", report.mismatched.map { "\($0.parameter) (\($0.reason))" })
    lines += listing("with several sources", report.collisions.map(\.name))
    lines += listing("unused: no output depends on them", report.dead.map(\.name))
    lines += report.suggestions.prefix(4).flatMap {
      wrapped("perhaps \($0.rule.yaml) (\($0.reason))".escapingControlCharacters())
    }
    if report.suggestions.count > 4 {
      lines.append("and \(report.suggestions.count - 4) more such rules")
    }
    return lines
  }

  /// `title (12): a, b, c … and 7 more`, in a few lines.
  private func listing(_ title: String, _ names: [String]) -> [String] {
    guard !names.isEmpty else { return [] }
    let shown = names.prefix(12).map { $0.escapingControlCharacters() }
    let more = names.count > shown.count ? " and \(names.count - shown.count) more" : ""
    return wrapped("\(title) (\(names.count)): \(shown.joined(separator: ", "))\(more)")
  }

  private func footer(_ verdict: Verdict, _ seconds: ParityResult.Seconds) -> String {
    guard verdict.subject == .model else {
      return "read \(Format.seconds(seconds.read)), compare \(Format.seconds(seconds.compare))"
    }
    var times = [
      "read \(Format.seconds(seconds.read))", "bind \(Format.seconds(seconds.bind))",
      "forward \(Format.seconds(seconds.forward))",
    ]
    if seconds.isolated > 0 { times.append("isolated \(Format.seconds(seconds.isolated))") }
    if seconds.production > 0 {
      times.append("production \(Format.seconds(seconds.production))")
    }
    if seconds.oracle > 0 { times.append("float64 \(Format.seconds(seconds.oracle))") }
    if seconds.reach > 0 { times.append("reach \(Format.seconds(seconds.reach))") }
    times.append("compare \(Format.seconds(seconds.compare))")
    let environment = verdict.environment
    let against = environment.framework.map { " against \($0)" } ?? ""
    return times.joined(separator: ", ")
      + " · \(environment.engine), \(environment.threads) threads\(against)"
  }

  /// Text in lines of at most `width`, all of them indented, later ones by two more.
  private func wrapped(_ text: String, indent: Int = 0) -> [String] {
    let lead = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(lead + line)
        line = "  " + word
      } else {
        line += (line.isEmpty ? "" : " ") + word
      }
    }
    return lines + [lead + line]
  }
}

/// Colours, where they are wanted.
struct Ink: Sendable {
  enum Tone: String {
    case good = "32"
    case bad = "31"
    case faint = "2"
    case plain = ""
  }

  var isOn: Bool

  func callAsFunction(_ text: String, _ tone: Tone) -> String {
    isOn && tone != .plain ? "\u{1b}[\(tone.rawValue)m\(text)\u{1b}[0m" : text
  }
}
