import ArgumentParser
import Weighbridge
import WeighbridgeTensors

/// `weighbridge map --align`: the whole correspondence, where names do not match.
struct AlignmentOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Find which tensor each parameter is, whatever the file calls them.",
      discussion: """
        With --reference, layers decide: each is run alone on its recorded input with the tensors that \
        fit. What that leaves open is decided by names, order and shapes; what nothing decides is listed, \
        and the exit status is then 2, unless nothing depends on it.
        """))
  var align = false

  @Option(
    name: [.customLong("rules-out"), .customLong("write-rules")],
    help: ArgumentHelp("Write the correspondence as rules, for --rules.", valueName: "file"))
  var rulesOut: String?

  func validate() throws {
    if !align, rulesOut != nil { throw ValidationError("--rules-out belongs to --align") }
  }

  /// - Parameter reference: Activations recorded with these weights, which prove what is what.
  func run(
    _ file: String, _ model: ModelOptions, reference: String?, all: Bool, _ console: Console
  ) throws {
    guard let id = model.identifier else {
      throw WeighbridgeError(
        .usage, "--align needs the model's name",
        remedy: "Add --model ID; \(Setting.command("models")) lists them")
    }
    guard model.root == nil else {
      throw WeighbridgeError(
        .usage, "--align looks at all tensors of the file", remedy: "Leave --root out")
    }
    try OutputPaths.check([rulesOut], against: [file, reference])
    Console.progress.show("reading \(reference ?? file)")
    let checkpoint = try Checkpoints.open(file)
    let recorded = try reference.map { try Reference(path: $0) }
    let alignment = try Aligner(
      Loader(model.registry(reference: reference, for: checkpoint))
    ).align(
      checkpoint, model: id, overrides: model.overrides(), reference: recorded
    ) { Console.progress.show($0.line) }
    try checkpoint.checkUnchanged()
    try recorded?.checkUnchanged()
    Console.progress.clear()
    if console.jsonOnly {
      try console.print(json: alignment.json)
    } else {
      let lines = lines(alignment, file, all: all, width: Terminal.width())
      try console.say(lines.joined(separator: "\n"))
    }
    if let rulesOut { try TextFile.write(alignment.rulesText, to: rulesOut) }
    guard alignment.isComplete else {
      let missing = alignment.open.filter { $0.taken == nil }
      Console.fail(
        "\(file): \(missing.count) parameters are not decided, first \(missing[0].parameter): "
          + missing[0].reason)
      throw ExitCode(WeighbridgeError.Code.mapping.exitStatus)
    }
  }

  private func lines(_ alignment: Alignment, _ file: String, all: Bool, width: Int) -> [String] {
    var lines = ["\(file.escapingControlCharacters()) → \(alignment.model)", alignment.summary]
    if alignment.counters > 0 {
      lines.append("\(alignment.counters) counts of batches, which nothing computes with")
    }
    lines += alignment.notes
    if !alignment.open.isEmpty {
      lines.append("not decided (\(alignment.open.count))")
      lines += alignment.open.map { one in
        let taken = one.taken.map { " (taken: \($0))" } ?? ""
        return "  \(one.parameter) \(one.shape): \(one.reason), of \(one.candidates.count)\(taken)"
          .escapingControlCharacters()
      }
    }
    if !alignment.unused.isEmpty {
      lines.append("no parameter takes (\(alignment.unused.count))")
      lines += alignment.unused.map { "  " + $0.escapingControlCharacters() }
    }
    let matches = alignment.matches.filter {
      all || $0.sources != [$0.parameter] || $0.transform != nil
    }
    guard !matches.isEmpty else { return lines }
    var table = Table(columns: [
      .init(title: "parameter", shrinks: true), .init(title: "from", shrinks: true),
      .init(title: "how", shrinks: true), .init(title: "decided by"),
    ])
    table.rows = matches.map {
      [
        $0.parameter, $0.sources.joined(separator: " + "), $0.transform ?? "",
        $0.decision.rawValue,
      ]
    }
    return lines + [""] + table.lines(width: width)
  }
}

extension AlignmentProgress {
  /// For a terminal.
  fileprivate var line: String {
    let layers = count > 0 ? "\(done) of \(count) layers: " : ""
    let place = path.map(\.description) ?? "the network"
    return switch step {
    case .running: "\(layers)running the network, \(tried.counted("module"))"
    case .layers: "\(layers)\(place), \(tried.counted("tensor")) tried"
    case .between: "\(layers)between the layers of \(place), \(tried.counted("run"))"
    }
  }
}
