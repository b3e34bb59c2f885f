import WeighbridgeModules

/// Rules that many architectures share.
extension Configuration {
  /// An integer of at least 1, and small enough that products of three such sizes fit an `Int`.
  ///
  /// - Throws: `usage`, naming the key and the value.
  func positive(_ name: String) throws -> Int {
    let value = try integer(name)
    let limit = 1 << 20
    guard value >= 1, value <= limit else {
      throw WeighbridgeError(
        .usage, "\(architecture) needs \(name) from 1 to \(limit), got \(name)=\(value)")
    }
    return value
  }

  /// Checks that every one of these keys is a positive integer.
  func requirePositive(_ names: String...) throws {
    for name in names { _ = try positive(name) }
  }

  /// Infers an integer from what most of several tensors show, so that one of a wrong shape is
  /// reported as such and not believed. Of equally many, a vector counts: it cannot be transposed.
  ///
  /// - Parameter votes: Names of tensors, each with the axis that has the value's extent.
  mutating func infer(
    _ name: String, votes: [(tensor: String, axis: Int)], in shapes: StateDictShapes
  ) throws {
    var counts: [Int: (count: Int, vectors: Int, evidence: String)] = [:]
    for vote in votes {
      guard let shape = shapes[vote.tensor], let extent = shapes.extent(vote.tensor, vote.axis)
      else { continue }
      counts[extent, default: (0, 0, vote.tensor)].count += 1
      if shape.rank == 1 { counts[extent]?.vectors += 1 }
    }
    let best = counts.max { a, b in
      (a.value.count, a.value.vectors, -a.key) < (b.value.count, b.value.vectors, -b.key)
    }
    guard let best else { return }
    try infer(name, best.key, evidence: shapes.evidence(best.value.evidence))
  }

  /// Infers a key from one extent of a tensor, times `factor`. A checkpoint without the tensor tells
  /// nothing: the mapping reports it as missing.
  mutating func infer(
    _ name: String, extent axis: Int, of tensor: String, times factor: Int = 1,
    in shapes: StateDictShapes
  ) throws {
    guard let extent = shapes.extent(tensor, axis) else { return }
    let (value, overflow) = extent.multipliedReportingOverflow(by: factor)
    guard !overflow else { return }
    try infer(name, value, evidence: shapes.evidence(tensor))
  }

  /// Infers how much narrower a bottleneck is, width = ⌊channels / reduction⌋. Several reductions may
  /// fit: the value at hand stays if it does, else the largest is taken.
  mutating func infer(
    reduction name: String, channels: Int?, width: Int?, evidence: @autoclosure () -> String
  ) throws {
    guard let channels, let width, width > 0, channels >= width else { return }
    if let present = try? integer(name), present > 0, channels / present == width {
      try infer(name, present, evidence: evidence())
    } else {
      try infer(name, channels / width, evidence: evidence())
    }
  }
}
