import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeVerdicts

/// Signs in a reference that it was recorded wrongly: looked for before any layer is blamed.
enum RecordingSigns {
  /// Every fault, those first that explain the most.
  static func faults(_ evidence: RecordingEvidence) -> [RecordingFault] {
    // What the recorder saw itself comes before what its values look like.
    let found =
      maskedRows(evidence.reference, evidence.result) + notRepeatable(evidence)
      + trainMode(evidence)
    // The first that explains a layer is enough.
    var known: Set<ActivationKey> = []
    return (found + otherNames(evidence) + inPlace(evidence)).filter {
      known.insert($0.key).inserted
    }
  }

  // MARK: Chance and NaN

  /// The first wrong layer is one that two runs of PyTorch did not repeat.
  static func notRepeatable(_ evidence: RecordingEvidence) -> [RecordingFault] {
    guard let first = evidence.suspects.first?.key,
      let name = evidence.reference.recordedName(of: first),
      evidence.reference.conditions.notRepeatable.contains(name)
    else { return [] }
    return [
      RecordingFault(
        Cause(
          .recordingNotRepeatable,
          "the recording of \(first) is not repeatable: a second run in PyTorch gave other values",
          fix: .code("take what is random out of the network, model.eval(), and record again")),
        first)
    ]
  }

  /// Whole rows of NaN beside rows without any: what a softmax makes of scores that are all masked.
  static func maskedRows(_ reference: Reference, _ result: ParityResult) -> [RecordingFault] {
    let inputs = (try? reference.inputs()) ?? []
    guard inputs.allSatisfy(\.isFinite) else { return [] }
    let first = result.layers.first {
      ($0.cumulative?.figures.nonFinite.referenceNaN ?? 0) > 0
    }
    guard let first else { return [] }
    let key = ActivationKey(first.path, call: first.call, item: first.item)
    guard let tensor = try? reference.tensor(key), let rows = tensor.rowsOfNaN else { return [] }
    return [
      RecordingFault(
        Cause(
          .recordingMaskedRows,
          "\(rows.masked) of \(rows.count) recorded rows of \(key) are NaN and the others are not: "
            + "a softmax over nothing but masked scores gives that",
          fix: .code("record with masks that leave every row something to attend to")), key)
    ]
  }

  // MARK: Training mode

  static func trainMode(_ evidence: RecordingEvidence) -> [RecordingFault] {
    batchStatistics(evidence) + dropout(evidence)
  }

  /// Every batch norm's recorded output has the mean and the deviation that its parameters ask for:
  /// each was normalised by its own batch.
  private static func batchStatistics(_ evidence: RecordingEvidence) -> [RecordingFault] {
    let norms = evidence.parameterized.compactMap { path, parameters -> ActivationKey? in
      guard parameters.contains(where: { $0.name == "running_var" }) else { return nil }
      return ActivationKey(path)
    }.filter { evidence.recorded($0) != nil }
    let failing = Set(evidence.suspects.map(\.key))
    guard let first = norms.first, norms.contains(where: failing.contains),
      norms.allSatisfy({ key in
        guard let tensor = evidence.recorded(key),
          let parameters = evidence.parameterized.first(where: { $0.path == key.path })
        else { return false }
        return isNormalized(tensor, parameters.parameters)
      })
    else { return [] }
    return [
      RecordingFault(
        Cause(
          .recordingTrainMode,
          "all \(norms.count) recorded batch norms have their own batch's mean and variance: the "
            + "reference was recorded in training mode",
          fix: .code("call model.eval() before recording")), first,
        alike: Set(norms.dropFirst()))
    ]
  }

  /// Whether, channel by channel, the mean is the bias and the deviation the weight.
  static func isNormalized(_ output: Tensor, _ parameters: [ModuleParameter]) -> Bool {
    func vector(_ name: String) -> [Double]? {
      parameters.first { $0.name == name }
        .flatMap { try? $0.tensor.converted(to: .float64).elements(as: Double.self) }
    }
    guard output.rank >= 2, let weight = vector("weight"), let bias = vector("bias"),
      weight.count == output.shape[1], bias.count == weight.count,
      output.elementCount >= 4 * weight.count,
      let wide = try? output.converted(to: .float64)
    else { return false }
    let axes = output.shape.indices.filter { $0 != 1 }
    guard let means = try? wide.mean(axes: axes).elements(as: Double.self),
      let squares = try? (wide * wide).mean(axes: axes).elements(as: Double.self)
    else { return false }
    return weight.indices.allSatisfy { channel in
      let deviation = max(0, squares[channel] - means[channel] * means[channel]).squareRoot()
      let size = abs(weight[channel])
      // eps takes a little from the deviation, the more the smaller the variance is.
      return abs(means[channel] - bias[channel]) <= 1e-3 * max(size, 1e-6)
        && deviation <= 1.001 * size && deviation >= 0.97 * size
    }
  }

  /// What hands on its input here drops a share of it in the reference, and makes up for that.
  private static func dropout(_ evidence: RecordingEvidence) -> [RecordingFault] {
    let found = evidence.suspects.lazy.compactMap { suspect -> RecordingFault? in
      guard !suspect.own.hasOwnForms, let input = suspect.inputs.first,
        let recorded = evidence.recorded(suspect.key),
        let rate = droppedShare(of: input, in: recorded)
      else { return nil }
      return RecordingFault(
        Cause(
          .recordingTrainMode,
          "\(suspect.key) drops \(Format.value((1000 * rate).rounded() / 10)) % of what it reads and "
            + "enlarges the rest: the reference was recorded in training mode",
          fix: .code("call model.eval() before recording")), suspect.key)
    }
    return found.first.map { [$0] } ?? []
  }

  /// The p of a dropout: zeros at a share of about p, and everything else x/(1 − p).
  ///
  /// - Returns: `nil` where the one is not a dropout of the other.
  static func droppedShare(of input: Tensor, in output: Tensor) -> Double? {
    guard input.shape == output.shape, input.elementCount >= 16,
      let x = try? input.converted(to: .float64).elements(as: Double.self),
      let y = try? output.converted(to: .float64).elements(as: Double.self)
    else { return nil }
    let live = x.indices.filter { x[$0] != 0 }
    let kept = live.filter { y[$0] != 0 }
    guard kept.count >= 8, kept.count < live.count, let first = kept.first else { return nil }
    let factor = y[first] / x[first]
    let rate = 1 - 1 / factor
    guard rate > 0, rate < 1,
      kept.allSatisfy({ abs(y[$0] - factor * x[$0]) <= 1e-5 * abs(y[$0]) })
    else { return nil }
    let share = 1 - Double(kept.count) / Double(live.count)
    let spread = (rate * (1 - rate) / Double(live.count)).squareRoot()
    return abs(share - rate) <= 5 * spread + 1 / Double(live.count) ? rate : nil
  }
}

extension Tensor {
  /// Whether no element is NaN or infinite.
  var isFinite: Bool {
    guard dtype.isFloatingPoint, let values = try? converted(to: .float32).elements(as: Float.self)
    else { return true }
    return values.allSatisfy(\.isFinite)
  }

  /// How many rows of the last axis are NaN as a whole; `nil` where none is, all are, or a row is in part.
  var rowsOfNaN: (masked: Int, count: Int)? {
    guard rank > 1, let width = shape.last, width > 1,
      let values = try? converted(to: .float32).elements(as: Float.self)
    else { return nil }
    let counts = stride(from: 0, to: values.count, by: width).map { start in
      values[start..<min(start + width, values.count)].count(where: \.isNaN)
    }
    let masked = counts.count { $0 == width }
    guard masked > 0, masked < counts.count, counts.allSatisfy({ $0 == 0 || $0 == width }) else {
      return nil
    }
    return (masked, counts.count)
  }
}
