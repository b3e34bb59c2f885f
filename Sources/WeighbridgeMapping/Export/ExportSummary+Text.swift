import WeighbridgeTensors

extension ExportSummary: CustomStringConvertible {
  /// What was written, and a line for each tensor whose values deserve a warning.
  public var description: String {
    let heading = "\(tensors) \(tensors == 1 ? "tensor" : "tensors"), \(bytes) bytes"
    return ([heading] + warnings.map(\.description)).joined(separator: "\n")
  }
}

extension ExportSummary.Warning: CustomStringConvertible {
  /// `head.weight: 2 values became infinite, 1 was NaN or infinite before`.
  public var description: String {
    let parts = [
      overflowed > 0 ? "\(overflowed) finite values became infinite" : nil,
      vanished > 0 ? "\(vanished) became 0" : nil,
      nonFinite > 0 ? "\(nonFinite) were NaN or infinite before" : nil,
    ]
    return name.escapingControlCharacters(upTo: String.longestShown) + ": "
      + parts.compactMap { $0 }.joined(separator: ", ")
  }
}
