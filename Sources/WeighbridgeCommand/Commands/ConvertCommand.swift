import ArgumentParser
import Weighbridge
import WeighbridgeWeights

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `weighbridge convert`: a checkpoint as a native weight file, or in another format.
struct ConvertCommand: JSONCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a checkpoint as a native weight file, or in another format.",
    discussion: """
      The native weight file is what Swift loads at run time: a safetensors file that any reader \
      opens, with the architecture, its configuration and a checksum per tensor inside. Names must \
      map one to one onto the model's. One tensor is in memory at a time, and the file appears under \
      its name only when it is complete.

      EXAMPLES
        \(Tool.name) convert vit.npz vit.safetensors --model vit --config heads=16
        \(Tool.name) convert vit.npz vit.safetensors --dtype f16
        \(Tool.name) convert vit.safetensors vit.h5
        \(Tool.name) convert reference.npz reference.h5 --model none
        \(Tool.name) convert net.npz net.h5 --gzip 4
        \(Tool.name) convert net.npz net.safetensors --layout mlx
        \(Tool.name) convert net.npz net.safetensors --shard-size 2GB

      With `--model none` the file's tensors are written as they are, under their own names: a change \
      of format alone. Converting a native file again changes nothing but what is asked for: rules \
      that were applied when it was written are not applied twice.
      """)

  @Argument(help: "The checkpoint to read.", completion: .files) var input: String
  @Argument(help: "The file to write; an existing one is replaced.", completion: .files)
  var output: String
  @OptionGroup var model: ModelOptions
  @OptionGroup var rules: RulesOption
  @OptionGroup var network: RecordedNetworkOption
  @Option(
    help: ArgumentHelp(
      "Write floating-point tensors as f16, bf16, f32 or f64; without it each keeps its own.",
      valueName: "dtype"),
    completion: .list(["f32", "f16", "bf16", "f64"]))
  var dtype: String?
  @Option(
    help: ArgumentHelp(
      "\(ConvertCommand.formats); without it the output's name decides, and .safetensors is native.",
      valueName: "format"),
    completion: .list(["native"] + CheckpointFormat.written.map(\.id)))
  var format: String?
  @Flag(help: "In HDF5, make groups of the dots in names.") var nested = false
  @OptionGroup var writing: WritingOptions
  @OptionGroup var json: JSONFlag

  func run() throws {
    let console = json.console
    let dtype = try parsedDType()
    let format = try parsedFormat()
    if nested, format.checkpointFormat != .hdf5 {
      throw WeighbridgeError(
        .usage, "--nested makes groups in HDF5, and \(format.name) has none", file: output,
        remedy: "Leave --nested out, or write .h5")
    }
    let layout = try writing.parsedLayout(format, model: model.model, output)
    let shardSize = try writing.parsedShardSize(format, output)
    try OutputPaths.check([output], against: [input, rules.rules, network.reference])
    let checkpoint = try Checkpoints.open(input)
    let rules = try rules.read()
    var plan: ImportPlan?
    let export: Export
    if model.model == "none" {
      guard model.config.isEmpty else {
        throw WeighbridgeError(
          .usage, "--config needs a model, and --model none is given",
          remedy: "Leave --config out, or name the model")
      }
      export = try Export(checkpoint, rules: rules, root: model.root, dtype: dtype)
    } else {
      let found = try importPlan(checkpoint, rules)
      try found.requireNames()
      export = try Export(found, dtype: dtype, layout: layout)
      plan = found
    }
    let progress = { (done: Int, name: String) in
      Console.progress.show("writing \(done + 1): \(name)")
    }
    let summary: ExportSummary
    var output = output
    if let shardSize {
      (summary, output) = try export.writeShards(
        to: output, shardSize: shardSize, progress: progress)
    } else {
      summary = try export.write(
        to: output, as: format, gzip: writing.gzip, progress: progress)
    }
    Console.progress.clear()
    for entry in checkpoint.unreadable {
      Console.remark(
        "\(Tool.name): warning: \(entry.name.escapingControlCharacters()) is left out: "
          + entry.reason.clause.escapingControlCharacters())
    }
    for line in summary.warningLines { Console.remark("\(Tool.name): warning: \(line)") }
    if json.isSet {
      try console.print(json: summary.json(output: output, format: format.name, plan: plan))
    } else {
      for note in plan?.report.notes ?? [] {
        try console.say("note: \(note.escapingControlCharacters())")
      }
      if !summary.leftOut.isEmpty {
        try console.say(
          "note: counters of batches, which MLX's norms do not have, are left out: "
            + Names.listed(summary.leftOut, limit: 1).escapingControlCharacters())
      }
      if let note = summary.renamedNote { try console.say(note) }
      let model = plan.map { " of \($0.architecture.id)" } ?? ""
      try console.say(
        "\(output.escapingControlCharacters()): \(format.name), "
          + "\(summary.tensors.counted("tensor"))\(model), \(summary.bytes.bytesText)")
    }
  }

  private func importPlan(_ checkpoint: any Checkpoint, _ rules: Rules) throws -> ImportPlan {
    do {
      let registry = try model.registry(reference: network.reference, for: checkpoint)
      return try Loader(registry).plan(
        checkpoint, model: model.identifier, overrides: model.overrides(), rules: rules,
        root: model.root)
    } catch var error as WeighbridgeError where error.code == .mapping && model.identifier == nil {
      error.remedy = [error.remedy, "--model none converts the file as it is"]
        .compactMap { $0 }.joined(separator: ". ")
      throw error
    }
  }

  private func parsedDType() throws -> DType? {
    guard let dtype else { return nil }
    guard let parsed = DType(userName: dtype), parsed.isFloatingPoint else {
      throw WeighbridgeError(
        .usage, "--dtype takes f32, f16, bf16 or f64, not '\(dtype)'",
        remedy: "Leave it out to keep each tensor's own")
    }
    return parsed
  }

  private func parsedFormat() throws -> ExportFormat {
    let naming: HDF5Naming = nested ? .nested : .flat
    if let name = format {
      if name.lowercased() == "native" { return .native }
      let format = CheckpointFormat(named: name)
      try format?.checkIsBuilt(file: output)
      guard let format, format.isWritten else {
        throw WeighbridgeError(
          .usage, "--format takes \(ConvertCommand.formats), not '\(name)'",
          remedy: "Leave it out to go by the output's name")
      }
      return .checkpoint(format, naming)
    }
    let format = try CheckpointFormat(writing: output, or: ", or give --format")
    let isNative = format == .safetensors && model.model != "none" && !writing.isPlain
    return isNative ? .native : .checkpoint(format, naming)
  }

  /// What `--format` takes, for sentences.
  private static var formats: String {
    CheckpointFormat.enumerated(["native"] + CheckpointFormat.written.map(\.id))
  }
}

extension ExportFormat {
  /// `nil` for the native weight file.
  var checkpointFormat: CheckpointFormat? {
    guard case .checkpoint(let format, _) = self else { return nil }
    return format
  }

  var name: String {
    switch self {
    case .native: "native"
    case .checkpoint(let format, _): format.id
    }
  }
}

extension ExportSummary {
  /// One line for each kind of warning.
  var warningLines: [String] {
    func line(_ what: String, _ count: (Warning) -> Int) -> String? {
      let affected = warnings.filter { count($0) > 0 }
      guard !affected.isEmpty else { return nil }
      let total = affected.reduce(0) { $0 + count($1) }
      let names = Names.listed(affected.map(\.name), limit: 1).escapingControlCharacters()
      return "\(total.counted("value")) \(what) (\(names))"
    }
    return [
      line("NaN or infinite already in the source") { $0.nonFinite },
      line("beyond the new dtype's range, now infinite") { $0.overflowed },
      line("too small for the new dtype, now 0") { $0.vanished },
    ].compactMap { $0 }
  }

  /// What is said of names that change.
  var renamedNote: String? {
    guard let first = renamed.first else { return nil }
    let more = renamed.count > 1 ? ", and \(renamed.count - 1) more" : ""
    return
      "note: in HDF5 a / makes a group, which reads as a dot: \(first.name) is found as \(first.read)\(more)"
      .escapingControlCharacters()
  }

  func json(output: String, format: String, plan: ImportPlan?) -> JSONDocument {
    .answer(
      of: "convert",
      JSONDocument.members([
        "output": .string(output), "format": .string(format),
        "model": plan.map { .string($0.architecture.id) } ?? .null,
        "config": plan?.configuration.json ?? .null,
        "tensors": .integer(tensors), "bytes": .integer(bytes),
        "warnings": .array(
          warnings.map {
            .members([
              "name": .string($0.name), "non_finite": .integer($0.nonFinite),
              "overflowed": .integer($0.overflowed), "vanished": .integer($0.vanished),
            ])
          }),
        "left_out": .strings(leftOut),
        "renamed": .object(renamed.map { .init($0.name, .string($0.read)) }),
        "notes": .strings(plan?.report.notes ?? []),
      ]).objectMembers)
  }
}
