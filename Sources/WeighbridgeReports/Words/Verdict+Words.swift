import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeVerdicts

extension Verdict {
  /// What is to be looked at before any layer of a verdict that fails: values of the user's against
  /// the reference's own, and weights that are rounded.
  public var hints: [String] {
    guard !passes, let result else { return [] }
    return partial(result) + overrulings + roundings
  }

  /// Whether most of the weights are stored in 16 bits.
  var storesHalfPrecision: Bool { halfPrecision != nil }

  private var halfPrecision: DType? {
    let weights = mapping?.matched.filter { $0.dtype.isFloatingPoint } ?? []
    let half = weights.filter { $0.dtype.byteCount <= 2 }
    return 2 * half.count > weights.count ? half.first?.dtype : nil
  }

  /// What to do where nothing differs and too little was compared.
  private func partial(_ result: ParityResult) -> [String] {
    guard !result.gaps.isEmpty, result.comparedCount > 0, !result.hasFailedLayer else { return [] }
    let hasActivations = (result.coverage?.compared ?? 0) > 0
    let how =
      if result.coverage?.gaps.isEmpty == false {
        "record outputs and activations of this network"
      } else if hasActivations || result.blindness?.gap != nil {
        "record in float32, on inputs like those that the network is made for"
      } else {
        "record activations, too, on inputs like those that the network is made for"
      }
    return [
      "nothing that was compared differs, but a pass would promise more: \(how), "
        + "or accept it with \(Setting.partialPass)"
    ]
  }

  private var overrulings: [String] {
    guard let configuration else { return [] }
    return configuration.keys.compactMap { key in
      guard let entry = configuration.entries[key.name], let overruled = entry.overruled else {
        return nil
      }
      return "you overruled \(key.name)=\(overruled.value) of \(overruled.owner): "
        + "drop \(Setting.configuration(key.name, entry.value.description))"
    }
  }

  private var roundings: [String] {
    guard let dtype = halfPrecision else { return [] }
    return [
      "the file stores \(dtype): such weights do not give float32's activations. Validate the "
        + "file that they were rounded from, or record a reference with the rounded weights, or "
        + "say how far off they may be: \(Setting.coarseTolerance)"
    ]
  }
}

extension Verdict: CustomStringConvertible {
  /// What `weighbridge validate` prints, 100 columns wide.
  public var description: String { TerminalReport(width: 100).text(self) }
}

extension ParityResult {
  /// What differs beside layers and outputs, in words.
  public var differences: [String] { differentTensors.map(\.text) + otherDifferences }
}

extension ParityResult: CustomStringConvertible {
  /// What `weighbridge validate` prints, 100 columns wide: the headline, the causes and the table.
  public var description: String {
    TerminalReport(width: 100).text(verdict)
  }
}
