import WeighbridgeVerdicts

/// The words of a report, by what was held against what.
struct Wording: Sendable {
  /// What the layers computed here are called.
  let got: String
  /// What they are held against.
  let recorded: String
  /// The title of the column with the ratios of the whole run.
  let wholeRun: String
  let onlyRecorded: String
  let onlyGot: String
  /// Why a verdict fails though every layer holds.
  let notCovered: String

  init(_ subject: Verdict.Subject) {
    switch subject {
    case .model:
      (got, recorded, wholeRun) = ("got", "recorded", "end to end")
      (onlyRecorded, onlyGot) = ("not in the model", "not in the reference")
      notCovered = "not everything is covered"
    case .references:
      (got, recorded, wholeRun) = ("first", "second", "ratio")
      (onlyRecorded, onlyGot) = ("only in the second", "only in the first")
      notCovered = "not both have the same names"
    }
  }
}

/// What the ratios in a table are, for its reader: one line of at most 80 columns.
struct Legend: Sendable {
  let text: String
  /// What the marks mean that are there: † at some ratios, ‡ at some names.
  let footnotes: [String]

  init(_ layers: [LayerVerdict], _ subject: Verdict.Subject) {
    let judgements = layers.flatMap { [$0.cumulative, $0.isolated] }.compactMap { $0?.judgement }
    let byNoise = judgements.first { $0.basis != .elementwise }
    let ratio =
      byNoise.map { "error ÷ noise, limit \(Format.value($0.limit))" }
      ?? "max |Δ| ÷ (atol + rtol·|\(Wording(subject).recorded)|), limit 1"
    let runs: [String] =
      switch subject {
      case .references: []
      case .model where layers.contains { $0.isolated != nil }:
        ["isolated: on recorded inputs", "end to end: whole run"]
      case .model: ["end to end: whole run"]
      }
    text = runs.isEmpty ? "ratio: \(ratio)" : (runs + [ratio]).joined(separator: " · ")
    let elementwise =
      byNoise != nil && judgements.contains { $0.basis == .elementwise }
      ? "† max |Δ| ÷ (atol + rtol·|\(Wording(subject).recorded)|), limit 1: no noise is known" : nil
    let chance =
      layers.contains { !$0.isRepeatable && $0.status != .missing }
      ? "‡ two runs of PyTorch differ here: no noise is used, judged on recorded inputs alone" : nil
    footnotes = [elementwise, chance].compactMap(\.self)
  }
}

extension LayerVerdict {
  /// The mark of what PyTorch did not repeat.
  var chanceMark: String { isRepeatable || status == .missing ? "" : " ‡" }
}
