import WeighbridgeCheckpoints
import WeighbridgeTensors

/// The entries of a checkpoint that stand under one name, under the names that the file gives them.
package struct CheckpointPart: Checkpoint {
  private let whole: any Checkpoint
  package let entries: [CheckpointEntry]

  /// - Parameter root: As `--root` takes it: `ema`, `state_dict.module`.
  /// - Throws: `mapping` when nothing stands under it.
  package init(_ checkpoint: any Checkpoint, root: String) throws {
    whole = checkpoint
    let view = try WeighbridgeError.naming(file: checkpoint.path) {
      try StateDictView(StateDict(entries: checkpoint.entries)).chosen(root)
    }
    let names = Set(view.inside.map { ExactText($0.source) })
    entries = checkpoint.entries.filter { names.contains(ExactText($0.name)) }
  }

  package var path: String { whole.path }
  package var format: CheckpointFormat { whole.format }
  package var skipped: [SkippedEntry] { whole.skipped }
  package var metadata: [String: String] { whole.metadata }
  package func tensor(_ name: String) throws -> Tensor { try whole.tensor(name) }
  package func tensors(_ names: [String]) throws -> [Tensor] { try whole.tensors(names) }
  package func checkUnchanged() throws { try whole.checkUnchanged() }
  package func forEachBlock(
    of name: String, limit: Int, _ body: (Tensor) throws -> Void
  ) throws {
    try whole.forEachBlock(of: name, limit: limit, body)
  }
  package func entry(_ name: String) -> CheckpointEntry? { whole.entry(name) }
}
