import Weighbridge

/// How often the largest logit stands at the right class.
struct Accuracy {
  /// The class of the largest value of each row.
  let predictions: [Int64]

  /// - Parameter logits: [samples, classes].
  /// - Throws: `shape` when it is of another rank.
  init(logits: Tensor) throws {
    guard logits.rank == 2, logits.shape[1] > 0 else {
      throw WeighbridgeError(
        .shape, "the output has shape \(logits.shape), labels need [samples, classes]")
    }
    let (values, classes) = (try logits.elements(as: Float.self), logits.shape[1])
    predictions = (0..<logits.shape[0]).map { sample in
      let row = values[(sample * classes)..<((sample + 1) * classes)]
      let best = row.indices.max { row[$0] < row[$1] } ?? row.startIndex
      return Int64(best - row.startIndex)
    }
  }

  /// `98.06% (353 of 360)` of the labels.
  func summary(against labels: [Int64]) -> String {
    Accuracy.summary(predictions, labels)
  }

  static func summary(_ predictions: [Int64], _ labels: [Int64]) -> String {
    let right = zip(predictions, labels).count { $0 == $1 }
    let hundredths = labels.isEmpty ? 0 : (right * 10_000 + labels.count / 2) / labels.count
    let fraction = hundredths % 100
    let percent = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)%"
    return "\(percent) (\(right) of \(labels.count))"
  }
}

extension Accuracy {
  /// Labels or predictions from a file's entry, one per sample.
  ///
  /// - Throws: `malformed` when the entry is no list of as many integers.
  static func classes(_ entry: String, of path: String, count: Int) throws -> [Int64] {
    let tensor = try Checkpoints.open(path).tensor(entry)
    guard tensor.shape == [count], !tensor.dtype.isFloatingPoint else {
      throw WeighbridgeError(
        .malformed, "is \(tensor.dtype) \(tensor.shape), not a list of \(count) integers",
        file: path, entry: entry, remedy: "Give one class per sample")
    }
    return try tensor.elements(as: Int64.self)
  }
}
