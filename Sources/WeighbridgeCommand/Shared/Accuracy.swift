import Weighbridge

/// How often the largest logit stands at the right class.
struct Accuracy {
  /// The class of the largest value of each row.
  let predictions: [Int64]

  /// - Parameter logits: [samples, classes].
  /// - Throws: `usage` when it is of another rank.
  init(logits: Tensor) throws {
    guard logits.rank == 2, logits.shape[1] > 0 else {
      throw WeighbridgeError(
        .usage, "the output has shape \(logits.shape), and --labels need [samples, classes]",
        remedy: "Leave --labels out")
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
  /// Labels or predictions, one per sample.
  struct Classes {
    let entry: String
    let values: [Int64]

    /// - Throws: `malformed` when there is not one per sample.
    func check(count: Int, file: String) throws {
      guard values.count == count else {
        throw WeighbridgeError(
          .malformed,
          "holds \(values.count.counted("class", "classes")), and the model returned "
            + "\(count.counted("sample"))",
          file: file, entry: entry, remedy: "Give one class per sample")
      }
    }
  }

  /// Labels or predictions from a file's entry.
  ///
  /// - Throws: `usage` when there is no such entry, `malformed` when it is no list of integers.
  static func classes(_ entry: String, of path: String) throws -> Classes {
    let checkpoint = try Checkpoints.open(path)
    guard checkpoint.entry(entry) != nil else {
      let names = checkpoint.entries.prefix(8).map(\.rawPath).joined(separator: ", ")
      throw WeighbridgeError(
        .usage, "there is no entry of this name for --labels or --predictions", file: path,
        entry: entry,
        remedy: "The file has \(names)\(checkpoint.entries.count > 8 ? " …" : "")")
    }
    let tensor = try checkpoint.tensor(entry)
    guard tensor.rank == 1, !tensor.dtype.isFloatingPoint else {
      throw WeighbridgeError(
        .malformed, "is \(tensor.dtype) \(tensor.shape), not a list of integers", file: path,
        entry: entry, remedy: "Give one class per sample")
    }
    return Classes(entry: entry, values: try tensor.elements(as: Int64.self))
  }
}
