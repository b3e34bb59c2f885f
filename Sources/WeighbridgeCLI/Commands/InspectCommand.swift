import ArgumentParser
import Weighbridge

/// `weighbridge inspect`: what is in a file of named tensors.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the tensors in a checkpoint or a reference.",
    discussion: """
      Reads \(CheckpointFormat.titles()), found from the content, not from the extension. \
      Without --stats only headers are read, however large the file is.

      EXAMPLES
        weighbridge inspect model.npz
        weighbridge inspect model.h5 --tree
        weighbridge inspect model.npz --stats
        weighbridge inspect model.safetensors --json | jq '.tensors[].name'

      The JSON has format, tensors [{name, dtype, shape, bytes}], and with --stats also min, max, \
      mean, std, nan, inf of each. Numbers that are not finite are strings.
      """)

  @Argument(help: "The file.") var file: String
  @Flag(help: "Show the modules as a tree, with counts and sizes.") var tree = false
  @Flag(help: "Read every value: min, max, mean, std, and how many are NaN or infinite.")
  var stats = false
  @Option(
    help: ArgumentHelp("Show only what stands under this name, such as ema.", valueName: "name"))
  var root: String?
  @OptionGroup var json: JSONFlag

  func run() throws {
    var checkpoint = try Checkpoints.open(file)
    if let root { checkpoint = try CheckpointPart(checkpoint, root: root) }
    let inspection = try Inspection(checkpoint, withStatistics: stats)
    let console = json.console
    // What can be said is said, whatever fails.
    if let failure = inspection.failure { Console.fail(failure.description) }
    if json.isSet {
      try console.print(json: inspection.json)
    } else {
      let width = Terminal.width()
      let body = tree ? inspection.tree : inspection.table(width: width)
      try console.say(
        ([inspection.heading] + body + inspection.remarks(width: width)).joined(separator: "\n"))
    }
    if let failure = inspection.failure { throw ExitCode(failure.code.exitStatus) }
  }
}

/// What `inspect` found in a file.
struct Inspection {
  let checkpoint: any Checkpoint
  /// One per entry, when values were read; `nil` for one that could not be.
  let statistics: [TensorStatistics?]
  /// Why the first entry that could not be read could not, or why nothing can.
  let failure: WeighbridgeError?

  init(_ checkpoint: any Checkpoint, withStatistics: Bool) throws {
    self.checkpoint = checkpoint
    var failure: WeighbridgeError?
    if checkpoint.entries.isEmpty, let first = checkpoint.unreadable.first {
      failure = first.reason.error(file: checkpoint.path, entry: first.name)
    }
    guard withStatistics else {
      (statistics, self.failure) = ([], failure)
      return
    }
    // A block of one tensor in memory at a time, each read on all threads.
    statistics = try checkpoint.entries.enumerated().map { index, entry in
      Console.progress.show("\(index + 1) of \(checkpoint.entries.count): \(entry.name)")
      do {
        return try TensorStatistics(of: entry.name, in: checkpoint)
      } catch let error as WeighbridgeError where error.code.exitStatus == 3 {
        failure = failure ?? error
        return nil
      }
    }
    self.failure = failure
    Console.progress.clear()
  }

  var totalValues: Int { checkpoint.entries.reduce(0) { $0 &+ $1.shape.elementCount } }
  var totalBytes: Int { checkpoint.entries.reduce(0) { $0 &+ $1.byteCount } }

  var heading: String {
    let count = checkpoint.entries.count.counted("tensor")
    return
      "\(checkpoint.path.escapingControlCharacters()): \(checkpoint.format.id), \(count), "
      + "\(totalValues.counted("value")), \(totalBytes.bytesText)"
  }

  /// One line per tensor.
  func table(width: Int) -> [String] {
    var columns = [
      Table.Column(title: "name", shrinks: true), Table.Column(title: "dtype"),
      Table.Column(title: "shape"), Table.Column(title: "size", alignment: .right),
    ]
    if statistics.isEmpty {
      columns.append(Table.Column(title: "stored"))
    } else {
      columns += ["min", "max", "mean", "std", "nan", "inf"].map {
        Table.Column(title: $0, alignment: .right)
      }
    }
    var table = Table(columns: columns)
    for (index, entry) in checkpoint.entries.enumerated() {
      var row = [
        entry.name, entry.dtype.rawValue, entry.shape.description, entry.byteCount.bytesText,
      ]
      if index < statistics.count {
        guard let figures = statistics[index] else {
          row += ["unreadable", "", "", "", "", ""]
          table.rows.append(row)
          continue
        }
        row += [
          figures.minimum, figures.maximum, figures.mean, figures.standardDeviation,
        ].map(\.shortText)
        row += [figures.nan.grouped, figures.infinite.grouped]
      } else {
        row.append(entry.storage.description)
      }
      table.rows.append(row)
    }
    return checkpoint.entries.isEmpty ? [] : [""] + table.lines(width: width)
  }

  /// What the file holds beside tensors.
  func remarks(width: Int) -> [String] {
    var lines = checkpoint.remarks.isEmpty ? [] : [""]
    lines += checkpoint.remarks.map { "note: \($0.escapingControlCharacters())" }
    if !checkpoint.skipped.isEmpty {
      lines += ["", "not read"]
      lines += checkpoint.skipped.map {
        "  \($0.name.escapingControlCharacters()): \($0.reason.clause.escapingControlCharacters())"
      }
    }
    if !checkpoint.metadata.isEmpty {
      lines += ["", "metadata"]
      lines += checkpoint.metadata.sorted { $0.key < $1.key }.map { key, value in
        let name = key.escapingControlCharacters()
        let room = max(20, width - name.count - 4)
        let text = value.prefix(4 * room).description.escapingControlCharacters()
        return "  \(name): \(text.count > room ? text.prefix(room - 1) + "…" : text[...])"
      }
    }
    return lines
  }

  var json: JSONDocument {
    let tensors = checkpoint.entries.enumerated().map { index, entry in
      var members: [JSONDocument.Member] = [
        .init("name", .string(entry.name)), .init("dtype", .string(entry.dtype.rawValue)),
        .init("shape", entry.shape.json), .init("bytes", .integer(entry.byteCount)),
        .init("stored", .string(entry.storage.description)),
      ]
      if index < statistics.count, statistics[index] == nil {
        members.append(.init("readable", .boolean(false)))
      }
      if index < statistics.count, let figures = statistics[index] {
        members += [
          .init("min", .number(figures.minimum)), .init("max", .number(figures.maximum)),
          .init("mean", .number(figures.mean)), .init("std", .number(figures.standardDeviation)),
          .init("nan", .integer(figures.nan)), .init("inf", .integer(figures.infinite)),
        ]
      }
      return JSONDocument.object(members)
    }
    return .members([
      "file": .string(checkpoint.path), "format": .string(checkpoint.format.id),
      "tensors": .array(tensors), "values": .integer(totalValues), "bytes": .integer(totalBytes),
      "skipped": .array(
        checkpoint.skipped.map {
          .members([
            "name": .string($0.name), "kind": .string($0.reason.kind.rawValue),
            "reason": .string($0.reason.clause),
          ])
        }),
      "notes": .strings(checkpoint.remarks),
      "metadata": .object(
        checkpoint.metadata.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }),
    ])
  }
}
