import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge inspect`: what is in a file of named tensors.
struct InspectCommand: JSONCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the tensors in a checkpoint or a reference.",
    discussion: """
      Reads \(CheckpointFormat.titles()), found from the content, not from the extension. \
      Without --stats only headers are read, however large the file is.

      EXAMPLES
        \(Tool.name) inspect model.npz
        \(Tool.name) inspect model.h5 --tree
        \(Tool.name) inspect model.npz --stats
        \(Tool.name) inspect model.safetensors --json | jq '.tensors[].name'

      The JSON has format, tensors [{name, dtype, shape, bytes}], and with --stats also min, max, \
      mean, std, nan, inf of each. Numbers that are not finite are strings.
      """)

  @Argument(help: "The file.", completion: .files) var file: String
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
      try inspection.forEachPieceOfJSON { try console.print($0) }
    } else {
      let width = Terminal.width()
      try console.say(inspection.heading)
      if tree {
        for line in inspection.tree { try console.say(line) }
      } else {
        try inspection.forEachLineOfTable(width: width) { try console.say($0) }
      }
      for line in inspection.remarks(width: width) { try console.say(line) }
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
    try checkpoint.checkUnchanged()
  }

  var totalValues: Int { checkpoint.entries.reduce(0) { $0 &+ $1.shape.elementCount } }
  var totalBytes: Int { checkpoint.entries.reduce(0) { $0 &+ $1.byteCount } }

  var heading: String {
    let count = checkpoint.entries.count.counted("tensor")
    return
      "\(checkpoint.path.escapingControlCharacters()): \(checkpoint.format.id), \(count), "
      + "\(totalValues.counted("value")), \(totalBytes.bytesText)"
  }

  /// One line per tensor. Not all of them are in memory at a time: a file may have a million tensors.
  func forEachLineOfTable(width: Int, _ body: (String) throws -> Void) rethrows {
    guard !checkpoint.entries.isEmpty else { return }
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
    try body("")
    let entries = checkpoint.entries
    try Table(columns: columns).forEachLine(
      width: width, rowCount: entries.count, row: { cells($0, entries[$0]) }, body)
  }

  private func cells(_ index: Int, _ entry: CheckpointEntry) -> [String] {
    let row = [
      entry.name, entry.dtype.rawValue, entry.shape.description, entry.byteCount.bytesText,
    ]
    guard index < statistics.count else { return row + [entry.storage.description] }
    guard let figures = statistics[index] else { return row + ["unreadable", "", "", "", "", ""] }
    return row
      + [figures.minimum, figures.maximum, figures.mean, figures.standardDeviation].map(\.shortText)
      + [figures.nan.grouped, figures.infinite.grouped]
  }

  /// A file's own texts are cut here in files and pipes, too; the JSON has them whole.
  private static let longestRemark = 120

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
        let room = max(20, min(width, Inspection.longestRemark) - name.count - 4)
        let text = value.prefix(4 * room).description.escapingControlCharacters()
        return "  \(name): \(text.count > room ? text.prefix(room - 1) + "…" : text[...])"
      }
    }
    return lines
  }

  private func json(_ index: Int, _ entry: CheckpointEntry) -> JSONDocument {
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
    return .object(members)
  }

  /// The document's text, in pieces: each tensor is one of its own.
  func forEachPieceOfJSON(_ body: (String) throws -> Void) throws {
    let text = frame.text(indented: true)
    // Within texts of the document there is no line break.
    let place = "\n  \"tensors\": []"
    guard let range = text.firstRange(of: place), !checkpoint.entries.isEmpty else {
      return try body(text + "\n")
    }
    try body(String(text[..<range.upperBound].dropLast()))
    for (index, entry) in checkpoint.entries.enumerated() {
      let tensor = json(index, entry).text(indented: true).replacing("\n", with: "\n    ")
      try body((index == 0 ? "\n    " : ",\n    ") + tensor)
    }
    try body("\n  ]" + String(text[range.upperBound...]) + "\n")
  }

  /// The document without its tensors.
  private var frame: JSONDocument {
    .answer(
      of: "inspect", status: failure?.code.exitStatus ?? 0, error: failure?.description,
      JSONDocument.members([
        "file": .string(checkpoint.path), "format": .string(checkpoint.format.id),
        "tensors": .array([]), "values": .integer(totalValues), "bytes": .integer(totalBytes),
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
      ]).objectMembers)
  }
}
