import Foundation
import TestSupport
import Testing

/// What `validate` says, word for word, on the terminal and in its three files. Numbers that a
/// processor, an engine or a clock decides are masked; `WEIGHBRIDGE_SNAPSHOTS=update` writes them anew.
@Suite struct SnapshotTests {
  /// One validation of committed fixtures.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let arguments: [String]
    let status: Int32
    var testDescription: String { name }
  }

  private static let cases = [
    Case(
      name: "pass",
      arguments: ["--weights", "se_layer.npz", "--reference", "se_layer_reference.npz"], status: 0),
    Case(
      name: "cause",
      arguments: [
        "--weights", "stn.npz", "--reference", "stn_reference.npz", "--config",
        "align_corners=true",
      ], status: 1),
    Case(
      name: "names",
      arguments: [
        "--model", "stn", "--weights", "se_layer.npz", "--reference", "stn_reference.npz",
      ], status: 2),
  ]

  private let snapshots = Snapshots(
    Repository.root.appending(path: "Tests/WeighbridgeCLITests/Snapshots"))

  @Test(arguments: cases)
  func whatValidateSays(_ one: Case) throws {
    let folder = try TemporaryDirectory()
    let files = ["json", "html", "xml"].map { folder.path("report.\($0)") }
    let run = try CommandRun(
      list: ["validate"] + one.arguments + [
        "--reach", "never", "--json", files[0], "--html", files[1], "--junit", files[2],
      ], directory: Repository.fixtures)
    #expect(run.status == one.status)
    try hold(run.output + run.errors, "\(one.name).txt")
    for file in files where FileManager.default.fileExists(atPath: file) {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      try hold(text, "\(one.name).\(URL(filePath: file).pathExtension)")
    }
  }

  private func hold(_ text: String, _ name: String) throws {
    let difference = try snapshots.difference(masked(text), name)
    #expect(difference == nil)
  }

  /// Members of the JSON whose values are measured.
  private static let measured = [
    "read", "bind", "forward", "compare", "isolated", "oracle", "production", "reach", "max_ulp",
    "threads", "noise_ratio", "rms", "max_abs", "max_rel", "cosine", "snr_db", "max_ratio",
    "mean_ratio", "own_ratio", "local_ratio", "local_share", "got", "reference", "reference_rms",
    "noise_reference", "noise_own", "noise_bound", "noise_ratio_before", "noise_ratio_after",
  ].joined(separator: "|")

  /// What differs from machine to machine, and what stands in its place. Drawings go, and runs of spaces
  /// with the numbers whose widths they follow.
  private static let masks: [(String, String)] = [
    (#"(?s)<svg.*?</svg>"#, "<svg/>"),
    (#""(engine|processor|system|framework)": *"[^"]*""#, "\"$1\": \"MACHINE\""),
    (#"<dt>(engine|processor|system|time)</dt><dd>[^<]*</dd>"#, "<dt>$1</dt><dd>MACHINE</dd>"),
    (#"(?m)^read [^\n]*\n?(?:  [^\n]*\n?)*"#, "TIMES\n"), (#"time="[^"]*""#, "time=\"T\""),
    (#"/[^ "'&<\n]*/report\."#, "report."), (#"/[^ "'&<\n]*/weighbridge\b"#, "weighbridge"),
    (#""index": *\[[^\]]*\]"#, "\"index\": INDEX"), (#"at \[[0-9,]*\]"#, "at INDEX"),
    (#""(\#(measured))": *(?:"[a-z-]+"|[-0-9.e+]+)"#, "\"$1\": NUMBER"),
    (#"-?\b[0-9]+\.[0-9]+(?:e[+-]?[0-9]+)?\b"#, "NUMBER"), (#"-?\b[0-9]+e[+-]?[0-9]+\b"#, "NUMBER"),
    (#"(?:\b[0-9]+|∞) dB"#, "NUMBER dB"), (#"ULP [0-9]+"#, "ULP NUMBER"),
    (#"\b[0-9]{3,}\b"#, "NUMBER"), (#"(?<= )[0-9]+(?=  )"#, "NUMBER"),
    (#"(<td class="(?:wide )?number">)[^<]*"#, "$1NUMBER"), (#" {2,}"#, "  "),
  ]

  private func masked(_ text: String) -> String {
    Self.masks.reduce(text) { text, mask in
      text.replacingOccurrences(of: mask.0, with: mask.1, options: .regularExpression)
    }
  }
}
