import Weighbridge
import WeighbridgeWeights

/// The classes that a network finds most likely, with their names.
struct BestClasses {
  /// One name per class; empty where none are given.
  let names: [String]
  let count: Int

  /// - Parameter path: A text file with one name per line.
  /// - Throws: What reading throws.
  init(names path: String?, count: Int) throws {
    guard count > 0 else {
      throw WeighbridgeError(
        .usage, "--top \(count) is no number of classes", remedy: "Give 1 or more")
    }
    self.count = count
    names = try path.map { try TextFile.lines(of: $0) } ?? []
  }

  /// [samples, classes] as shares of 1.
  static func shares(_ output: Tensor) throws -> [Double] {
    let values = try output.elements(as: Double.self)
    let sums = try output.sum(axes: [1]).elements(as: Double.self)
    let isDistribution = values.allSatisfy { $0 >= 0 } && sums.allSatisfy { abs($0 - 1) < 1e-4 }
    return isDistribution ? values : try output.softmax(axis: 1).elements(as: Double.self)
  }

  /// Per sample, the likeliest classes and the softmax of their logits; what is a distribution already, as
  /// the output of a network that ends in a softmax, as it is.
  ///
  /// - Throws: `usage` when output 0 is no table of logits, or has another number of classes than names.
  func answers(_ outputs: [Tensor], samples: [String]) throws -> [Answer] {
    guard let logits = outputs.first, logits.rank == 2, logits.shape[0] == samples.count else {
      throw WeighbridgeError(
        .usage,
        "output 0 is \(outputs.first?.shape.description ?? "missing"), not [samples, classes]",
        remedy: "Write it to a file with --output")
    }
    let classes = logits.shape[1]
    guard names.isEmpty || names.count == classes else {
      throw WeighbridgeError(
        .usage, "--classes names \(names.count), and the network has \(classes)",
        remedy: "Give one name per line, in the order of training")
    }
    let shares = try BestClasses.shares(logits.converted(to: .float64))
    return samples.enumerated().map { index, sample in
      let row = Array(shares[index * classes..<(index + 1) * classes])
      let best = row.indices.sorted { row[$0] > row[$1] }.prefix(count)
      return Answer(
        sample: sample,
        classes: best.map {
          .init(index: $0, name: names.isEmpty ? nil : names[$0], share: row[$0])
        })
    }
  }

  /// What a network says of one sample.
  struct Answer {
    struct Class {
      let index: Int
      /// `nil` where no names are given.
      let name: String?
      /// Of 1.
      let share: Double
    }

    let sample: String
    /// The likeliest first.
    let classes: [Class]

    var lines: [String] {
      ["\(sample):"]
        + classes.map {
          "  \(($0.share * 1000).rounded() / 10) %  \($0.name ?? "class \($0.index)")"
        }
    }

    var json: JSONDocument {
      .members([
        "sample": .string(sample),
        "classes": .array(
          classes.map {
            .members([
              "index": .integer($0.index), "name": $0.name.map { .string($0) } ?? .null,
              "share": .number($0.share),
            ])
          }),
      ])
    }
  }
}
