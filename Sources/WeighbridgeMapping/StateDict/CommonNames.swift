import WeighbridgeCheckpoints
import WeighbridgeTensors

/// Two checkpoints under the names by which they can be compared.
///
/// The files' own names count wherever they are the same. Where more are when wrappers are taken off
/// (`module.`, `state_dict`, `model_ema` …), those are, from one file or from both, and it is said.
package struct CommonNames {
  package let first: any Checkpoint
  package let second: any Checkpoint
  /// What was taken off of which file, for people.
  package let notes: [String]
  /// What stands before the names in each file; empty for the names as they are.
  package let roots: (first: String, second: String)

  /// No more ways to see one file are tried.
  private static let limit = 12

  /// - Parameter root: The part that is meant, in whichever of the files has it: `ema`.
  /// - Throws: `mapping` when neither file has that part.
  package init(_ a: any Checkpoint, _ b: any Checkpoint, root: String? = nil) throws {
    let views = try CommonNames.views(a, b, root)
    var best: (first: StateDictView, second: StateDictView)?
    var most = -1
    let keys = views.second.map(CommonNames.keys)
    for view in views.first {
      let own = CommonNames.keys(view)
      for (other, names) in zip(views.second, keys) {
        // The first that is as good: the fewest wrappers taken off.
        let common = own.count { names.contains($0) }
        if common > most { (best, most) = ((view, other), common) }
      }
    }
    guard let best else {
      (first, second, notes, roots) = (a, b, [], ("", ""))
      return
    }
    first = RenamedCheckpoint(a, best.first)
    second = RenamedCheckpoint(b, best.second)
    roots = (best.first.rootName, best.second.rootName)
    notes = [(a.path, best.first), (b.path, best.second)].flatMap { path, view in
      view.root.isEmpty ? [] : view.notes.map { "\(path): \($0)" }
    }
  }

  /// The ways to see both files, as they are first.
  private static func views(
    _ a: any Checkpoint, _ b: any Checkpoint, _ root: String?
  ) throws -> (first: [StateDictView], second: [StateDictView]) {
    func plain(_ checkpoint: any Checkpoint) -> StateDictView {
      StateDictView(StateDict(entries: checkpoint.entries))
    }
    func all(_ view: StateDictView) -> [StateDictView] {
      Array(view.unwrapped().filter { $0.computed == nil }.prefix(limit))
    }
    guard let root else { return (all(plain(a)), all(plain(b))) }
    var missing: WeighbridgeError?
    func part(_ checkpoint: any Checkpoint) throws -> [StateDictView]? {
      do {
        return [try plain(checkpoint).chosen(root)]
      } catch let error as WeighbridgeError where error.code == .mapping {
        missing = missing ?? error.located(file: checkpoint.path)
        return nil
      }
    }
    let (first, second) = (try part(a), try part(b))
    if first == nil, second == nil, let missing { throw missing }
    return (first ?? all(plain(a)), second ?? all(plain(b)))
  }

  private static func keys(_ view: StateDictView) -> Set<ExactText> {
    Set((view.inside + view.outside).map { key($0.name) })
  }

  /// A name with the groups of HDF5 as dots.
  private static func key(_ name: String) -> ExactText {
    ExactText(
      String(
        decoding: name.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 },
        as: UTF8.self))
  }
}

/// A checkpoint whose entries have other names.
private struct RenamedCheckpoint: Checkpoint {
  private let whole: any Checkpoint
  let entries: [CheckpointEntry]
  /// The file's own name of each entry that has another one.
  private let sources: [ExactText: String]
  private let positions: [ExactText: Int]

  init(_ checkpoint: any Checkpoint, _ view: StateDictView) {
    whole = checkpoint
    var entries: [CheckpointEntry] = []
    var sources: [ExactText: String] = [:]
    var positions: [ExactText: Int] = [:]
    for tensor in view.inside + view.outside {
      guard let entry = checkpoint.entry(tensor.source) else { continue }
      let isRenamed = !view.root.isEmpty && positions[ExactText(tensor.name)] == nil
      let name = isRenamed ? tensor.name : entry.name
      let path = isRenamed ? tensor.name : entry.rawPath
      sources[ExactText(path)] = entry.rawPath
      sources[ExactText(name)] = entry.rawPath
      positions[ExactText(name)] = entries.count
      positions[ExactText(path)] = entries.count
      entries.append(
        CheckpointEntry(
          name: name, rawPath: path, dtype: entry.dtype, shape: entry.shape,
          storage: entry.storage, form: entry.form))
    }
    (self.entries, self.sources, self.positions) = (entries, sources, positions)
  }

  var path: String { whole.path }
  var format: CheckpointFormat { whole.format }
  var skipped: [SkippedEntry] { whole.skipped }
  var metadata: [String: String] { whole.metadata }

  private func source(_ name: String) -> String { sources[ExactText(name)] ?? name }

  func tensor(_ name: String) throws -> Tensor { try whole.tensor(source(name)) }

  func tensors(_ names: [String]) throws -> [Tensor] { try whole.tensors(names.map(source)) }

  func checkUnchanged() throws { try whole.checkUnchanged() }

  func forEachBlock(of name: String, limit: Int, _ body: (Tensor) throws -> Void) throws {
    try whole.forEachBlock(of: source(name), limit: limit, body)
  }

  func entry(_ name: String) -> CheckpointEntry? {
    positions[ExactText(name)].map { entries[$0] }
  }
}
