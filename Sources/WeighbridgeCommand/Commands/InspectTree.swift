import Weighbridge

extension Inspection {
  /// The tensors under their modules, each with counts and sizes.
  var tree: [String] {
    let root = ModuleNode()
    for (index, entry) in checkpoint.entries.enumerated() {
      root.insert(entry, index < statistics.count ? statistics[index] : nil)
    }
    return checkpoint.entries.isEmpty ? [] : [""] + root.lines(indent: "")
  }
}

/// A module in the tree of names.
private final class ModuleNode {
  /// Deeper names are not taken apart, so that a hostile one costs nothing.
  private static let depth = 32

  private var children: [(name: String, node: ModuleNode)] = []
  private var positions: [String: Int] = [:]
  private var leaves: [(name: String, entry: CheckpointEntry, figures: TensorStatistics?)] = []
  private var tensors = 0
  private var values = 0
  private var bytes = 0

  func insert(_ entry: CheckpointEntry, _ figures: TensorStatistics?) {
    let parts = entry.name.split(
      maxSplits: ModuleNode.depth, omittingEmptySubsequences: false
    ) { $0 == "." || $0 == "/" }
    var node = self
    node.add(entry)
    for part in parts.dropLast() {
      node = node.child(String(part))
      node.add(entry)
    }
    node.leaves.append((String(parts.last ?? ""), entry, figures))
  }

  private func add(_ entry: CheckpointEntry) {
    tensors += 1
    values &+= entry.shape.elementCount
    bytes &+= entry.byteCount
  }

  private func child(_ name: String) -> ModuleNode {
    if let position = positions[name] { return children[position].node }
    let node = ModuleNode()
    positions[name] = children.count
    children.append((name, node))
    return node
  }

  func lines(indent: String) -> [String] {
    var lines = leaves.map { name, entry, figures in
      var line = "\(indent)\(name.escapingControlCharacters())  \(entry.dtype) \(entry.shape)"
      if let figures {
        line += "  \(figures.minimum.shortText) … \(figures.maximum.shortText), "
        line += "mean \(figures.mean.shortText), std \(figures.standardDeviation.shortText)"
        if figures.nan > 0 { line += ", \(figures.nan.grouped) NaN" }
        if figures.infinite > 0 { line += ", \(figures.infinite.grouped) infinite" }
      }
      return line
    }
    for (name, node) in children {
      let size = "\(node.tensors.counted("tensor")), \(node.values.counted("value"))"
      lines.append(
        "\(indent)\(name.escapingControlCharacters())  (\(size), \(node.bytes.bytesText))")
      lines += node.lines(indent: indent + "  ")
    }
    return lines
  }
}
