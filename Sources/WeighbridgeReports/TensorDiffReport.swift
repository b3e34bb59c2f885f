import WeighbridgeComparison
import WeighbridgeTensors
import WeighbridgeVerdicts
import WeighbridgeWeights

extension TensorDiff {
  /// The difference as JSON.
  package var json: JSONDocument {
    .members([
      "identical": .boolean(isIdentical),
      "compared": .integer(comparedCount),
      "only_in_a": .strings(onlyInA),
      "only_in_b": .strings(onlyInB),
      "different": .array(different.map(\.json)),
      "other_dtype": .strings(otherDType),
    ])
  }

  /// The difference for people: one line, then a line per difference.
  package var lines: [String] {
    guard !isIdentical else {
      return ["identical: \(comparedCount) tensors"] + dtypeLines
    }
    var counts: [String] = []
    if !different.isEmpty { counts.append("\(different.count) of \(comparedCount) differ") }
    if !onlyInA.isEmpty { counts.append("\(onlyInA.count) only in the first") }
    if !onlyInB.isEmpty { counts.append("\(onlyInB.count) only in the second") }
    return ["different: " + counts.joined(separator: ", ")]
      + TensorDiff.listed(different.map(\.text), "")
      + TensorDiff.listed(
        onlyInA.map { $0.escapingControlCharacters() }, "only in the first: ")
      + TensorDiff.listed(
        onlyInB.map { $0.escapingControlCharacters() }, "only in the second: ") + dtypeLines
  }

  /// One line per item, and how many more there are beyond a screenful.
  private static func listed(_ items: [String], _ lead: String) -> [String] {
    let most = 20
    let rest = items.count - most
    return items.prefix(most).map { "  \(lead)\($0)" }
      + (rest > 0 ? ["  \(lead)… and \(rest) more, which \(Setting.json) lists"] : [])
  }

  private var dtypeLines: [String] {
    otherDType.isEmpty
      ? [] : ["note: \(otherDType.count) tensors have the same values in two dtypes"]
  }
}

extension TensorDiff.Entry {
  package var json: JSONDocument {
    .members([
      "name": .string(name),
      "shape_a": .array(shapes.a.map { .integer($0) }),
      "shape_b": .array(shapes.b.map { .integer($0) }),
      "dtype_a": .string(dtypes.a.rawValue),
      "dtype_b": .string(dtypes.b.rawValue),
      "max_abs": .optional(figures?.maxAbs),
      "rms": .optional(figures?.rms),
      "max_rel": .optional(figures?.maxRel),
      "cosine": .optional(figures?.cosine),
      "max_ulp": figures.map { .integer(Int(clamping: $0.maxULP)) } ?? .null,
      "worst": figures?.worst?.json ?? .null,
      "axes": axes.map { .array($0.map { .integer($0) }) } ?? .null,
    ])
  }

  package var text: String {
    let name = name.escapingControlCharacters()
    if let axes {
      return
        "\(name): the same values in another layout: the first's axes in the order \(axes) are the "
        + "second"
    }
    guard let figures else { return "\(name): shape \(shapes.a) against \(shapes.b)" }
    var text = "\(name): max|Δ| \(Format.small(figures.maxAbs)), rms \(Format.small(figures.rms))"
    if let worst = figures.worst {
      let index = worst.index.map(String.init).joined(separator: ",")
      text += " at [\(index)]: \(Format.value(worst.got)) against \(Format.value(worst.reference))"
    }
    return text
  }
}
