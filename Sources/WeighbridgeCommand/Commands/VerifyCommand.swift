import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge verify`: whether files hold what was written, and what their source holds.
struct VerifyCommand: JSONCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare files with their checksums, and with the source they were made from.",
    discussion: """
      A native weight file has a SHA-256 of every tensor and one of its metadata: the architecture, \
      its configuration, the names and shapes. An npz has a CRC-32 of every array, HDF5 \
      datasets a Fletcher-32 where they were written so. Other files have none, and are verified with --against.

      --against holds every tensor of the file against the source's, bit by bit, under the \
      rules and the root that a native file keeps. A file in another dtype is compared with the \
      source's values in that dtype.

      EXAMPLES
        \(Tool.name) verify vit.safetensors
        \(Tool.name) verify *.safetensors --json
        \(Tool.name) verify vit.safetensors --against vit.pth
        \(Tool.name) verify vit.npz --against vit.h5

      The sums are compared without this command too: the metadata's whenever a native file is \
      opened, a tensor's when its values are first used by any command, or by a Swift program that \
      loads it with `verifying` on, as it is unless told otherwise.

      Exit status: 0 everything is what was written; 1 a tensor is not the source's; 2 the source has \
      not the names or shapes; 3 a file is damaged or can't be read; 64 there is nothing to verify by.
      """)

  @Argument(help: "The files.", completion: .files) var files: [String]
  @Option(
    help: ArgumentHelp("The file that they were made from.", valueName: "file"),
    completion: .files)
  var against: String?
  @OptionGroup var rules: RulesOption
  @Option(
    help: ArgumentHelp(
      "What the tensors stand under in the source, such as ema.", valueName: "name"))
  var root: String?
  @OptionGroup var json: JSONFlag

  func run() throws {
    guard against != nil || (rules.rules == nil && root == nil) else {
      throw WeighbridgeError(
        .usage, "--rules and --root say how a source is read", remedy: "Give it with --against")
    }
    let console = json.console
    let rules = try rules.rules.map(Rules.read)
    var findings: [VerifiedFile] = []
    for file in files {
      let found = VerifiedFile(file, against: against, rules: rules, root: root)
      findings.append(found)
      Console.progress.clear()
      for error in found.errors.prefix(VerifiedFile.listed) { Console.fail(error.description) }
      if let rest = found.rest { Console.remark(rest) }
      if !json.isSet { try console.say(found.lines.joined(separator: "\n")) }
    }
    let status = VerifiedFile.severities.first { status in
      findings.contains { $0.exitStatus == status }
    }
    if json.isSet {
      try console.print(
        json: .answer(
          of: "verify", status: status ?? 0,
          error: findings.lazy.flatMap(\.errors).first?.description,
          [
            .init("holds", .boolean(status == nil)), .init("files", .array(findings.map(\.json))),
          ]))
    }
    if let status { throw ExitCode(status) }
  }
}

/// What was found of one file.
struct VerifiedFile {
  /// How many of a file's faults are listed.
  static let listed = 20
  /// Exit statuses, the one that says most first.
  static let severities: [Int32] = [3, 2, 1, 64]

  let path: String
  private(set) var verification: Verification?
  private(set) var comparison: SourceComparison?
  /// Everything that is wrong.
  private(set) var errors: [WeighbridgeError] = []
  private(set) var exitStatus: Int32 = 0

  init(_ path: String, against source: String?, rules: Rules?, root: String?) {
    self.path = path
    do {
      try verify(source, rules, root)
    } catch let error as WeighbridgeError {
      errors.append(error)
    } catch {
      errors.append(WeighbridgeError(.unreadable, "\(error)", file: path))
    }
    exitStatus =
      VerifiedFile.severities.first { status in
        errors.contains { $0.code.exitStatus == status }
      } ?? (comparison?.different.isEmpty == false ? 1 : 0)
    if let comparison, !comparison.different.isEmpty { errors += differences(comparison) }
  }

  private mutating func verify(_ source: String?, _ rules: Rules?, _ root: String?) throws {
    let checkpoint = try Checkpoints.open(path)
    let found = try Verification(checkpoint) { done, name in
      Console.progress.show("\(path): \(done + 1): \(name)")
    }
    verification = found
    errors += found.damage.map(\.error)
    guard let source else {
      if found.checksums == .none, found.damage.isEmpty {
        throw WeighbridgeError(
          .usage,
          found.checksummedCount > 0
            ? "only \(found.checksummedCount) of \(found.tensorCount) tensors have a checksum"
            : "this \(found.format.id) file has no checksums: there is nothing to verify by",
          file: path, remedy: "Give the file that it was made from with --against")
      }
      return
    }
    guard found.damage.isEmpty else { return }
    let compared = try SourceComparison(
      checkpoint, with: Checkpoints.open(source), rules: rules, root: root
    ) { done, name in
      Console.progress.show("\(path): \(done + 1) of \(found.tensorCount): \(name)")
    }
    comparison = compared
    errors += compared.mismatched.map {
      WeighbridgeError(.mapping, $0.reason, file: path, entry: $0.name)
    }
  }

  private func differences(_ comparison: SourceComparison) -> [WeighbridgeError] {
    comparison.different.map { difference in
      let layout =
        difference.axes.map { ": they are its values with their axes in the order \($0)" } ?? ""
      return WeighbridgeError(
        .mapping,
        "\(difference.elements.counted("element")) not the bits of \(comparison.path)\(layout)",
        file: path, entry: difference.name)
    }
  }

  /// How many faults are not listed, in words; `nil` where all of them are.
  var rest: String? {
    let count = errors.count - VerifiedFile.listed
    guard count > 0 else { return nil }
    return
      "\(path.escapingControlCharacters()): and \(count.counted("more fault")); --json names every tensor"
  }

  /// What is said on standard output.
  var lines: [String] {
    guard let verification else { return [] }
    let name = path.escapingControlCharacters()
    let tensors = verification.tensorCount.counted("tensor")
    let kind = verification.architecture.map { "native, \($0.escapingControlCharacters())" }
    let faults = verification.damage.count
    var line = "\(name): \(kind ?? verification.format.id), \(tensors): "
    switch verification.checksums {
    case _ where faults > 0: line += "\(faults) not what was written"
    case .sha256:
      line +=
        verification.hasMetadataSum == true
        ? "metadata and every tensor have their SHA-256"
        : "every tensor has its SHA-256; the metadata has none (written by an earlier version)"
    case .crc32: line += "every array has its CRC-32"
    case .fletcher32: line += "every dataset has its Fletcher-32"
    case .none: line += "no checksums"
    }
    return [line] + (comparison.map { [self.line($0)] } ?? [])
  }

  private func line(_ comparison: SourceComparison) -> String {
    var text = "  against \(comparison.path.escapingControlCharacters())"
    if !comparison.root.isEmpty { text += ", '\(comparison.root.escapingControlCharacters())'" }
    switch comparison.isRecordedSource {
    case true?: text += " (the recorded source)"
    case false?: text += " (not the file that is recorded as the source)"
    case nil: break
    }
    text += ": \(comparison.equalCount.counted("tensor")) bit-equal"
    if comparison.convertedCount > 0 { text += ", \(comparison.convertedCount) of them converted" }
    for (count, words) in [
      (comparison.different.count, "different"),
      (comparison.mismatched.count, "without a counterpart"),
    ] where count > 0 {
      text += ", \(count) \(words)"
    }
    if !comparison.leftOut.isEmpty {
      text +=
        "; the source also has "
        + Names.listed(comparison.leftOut, limit: 1).escapingControlCharacters()
    }
    return text
  }

  var json: JSONDocument {
    .members([
      "file": .string(path), "exit_code": .integer(Int(exitStatus)),
      "format": verification.map { .string($0.architecture == nil ? $0.format.id : "native") }
        ?? .null,
      "model": verification?.architecture.map { .string($0) } ?? .null,
      "checksums": verification.map { .string($0.checksums.rawValue) } ?? .null,
      "metadata_checksum": verification?.hasMetadataSum.map { .boolean($0) } ?? .null,
      "tensors": verification.map { .integer($0.tensorCount) } ?? .null,
      "damaged": .array(
        (verification?.damage ?? []).map {
          .members(["name": .string($0.name), "reason": .string($0.reason)])
        }),
      "against": comparison.map(json) ?? .null,
      "errors": .strings(errors.prefix(VerifiedFile.listed).map(\.description)),
      "error_count": .integer(errors.count),
    ])
  }

  private func json(_ comparison: SourceComparison) -> JSONDocument {
    .members([
      "file": .string(comparison.path),
      "is_recorded_source": comparison.isRecordedSource.map { .boolean($0) } ?? .null,
      "root": .string(comparison.root), "equal": .integer(comparison.equalCount),
      "converted": .integer(comparison.convertedCount),
      "different": .array(
        comparison.different.map {
          .members([
            "name": .string($0.name), "elements": .integer($0.elements),
            "axes": $0.axes.map { .array($0.map { .integer($0) }) } ?? .null,
          ])
        }),
      "mismatched": .array(
        comparison.mismatched.map {
          .members(["name": .string($0.name), "reason": .string($0.reason)])
        }),
      "left_out": .strings(comparison.leftOut),
    ])
  }
}
