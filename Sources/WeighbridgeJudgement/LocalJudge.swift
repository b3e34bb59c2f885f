import WeighbridgeComparison
import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Holds the errors of channels, rows and heads against their own rounding, where the tensor's largest
/// elements are too large to judge the others by.
///
/// A group is what stands at one place of an axis, or of the first two, or some elements in a row. With
/// e its error's RMS, n its rounding (our float32 against our float64, or against a run with every result
/// moved by its last bit; the largest of several such draws) and r its RMS in the reference, its ratio is
///
///     e / (n + n₀ + s · r + floor · u · (r + r₀))
///
/// with n₀, r₀ and s the lower quartiles of n, r and n / r of all groups of its kind that are no zeros:
/// rounding may by luck be far smaller in one group than it is in the others. Where one element decides a
/// group, as in the columns of a softmax, luck is the rule: of two errors of one element each, one is 36
/// times the other or more in one of 57 pairs.
package struct LocalJudge {
  package let limits: Limits

  package init(limits: Limits) { self.limits = limits }

  /// The group whose error is largest beside its own rounding.
  package struct Finding: Sendable {
    package var place: Ground.Place
    package var ratio: Double
  }

  /// Some elements of one tensor: ours, ours with other rounding, and the recorded ones.
  package struct Elements {
    package let got: [Double]
    package let others: [[Double]]
    package let recorded: [Double]
    package let shape: Shape
    /// The row-major position of each; `nil` where they are all of them.
    package let indices: SampleIndices?

    package func position(_ index: Int) -> Int { indices?[index] ?? index }
  }

  /// What makes groups of elements.
  private enum Grouping {
    /// What stands at one place of these axes.
    case axes([Int])
    /// So many in a row.
    case run(Int)
  }

  /// The group of the largest ratio; `nil` where there are no two groups of enough elements.
  ///
  /// - Throws: when the tensors are descriptors, or of other dtypes than floating-point ones.
  package func worst(
    _ got: Tensor, _ others: [Tensor], _ recorded: RecordedActivation
  ) throws -> Finding? {
    guard others.allSatisfy({ $0.shape == got.shape }), got.shape == recorded.shape,
      got.elementCount > 0
    else { return nil }
    let elements: Elements
    switch recorded {
    case .whole(let tensor):
      elements = try Elements(
        got: got.elements(), others: others.map { try $0.elements() }, recorded: tensor.elements(),
        shape: got.shape, indices: nil)
    case .sampled(let samples):
      elements = try Elements(
        got: Comparison.gathered(got.contiguous(.contiguous), samples.indices).elements(),
        others: others.map {
          try Comparison.gathered($0.contiguous(.contiguous), samples.indices).elements()
        },
        recorded: samples.values.elements(), shape: got.shape, indices: samples.indices)
    }
    // A place says more than some elements in a row.
    let places = places(got.shape).compactMap { worst(elements, .axes($0)) }
      .max { $0.ratio < $1.ratio }
    if let places, places.ratio > limits.localRatio { return places }
    return [places, worst(elements, .run(limits.isolatedElements))].compactMap(\.self)
      .max { $0.ratio < $1.ratio }
  }

  /// The axes whose places make groups of enough elements.
  private func places(_ shape: Shape) -> [[Int]] {
    let single = shape.indices.map { [$0] }
    let pairs = shape.rank > 2 ? [[0, 1]] : []
    return (single + pairs).filter { axes in
      let groups = axes.reduce(1) { $0 * shape[$1] }
      return groups > 1 && shape.elementCount / groups >= limits.isolatedElements
    }
  }

  private struct Sums {
    var error = 0.0
    /// For each draw.
    var noises: [Double]
    var size = 0.0
    var count = 0

    var noise: Double { noises.max() ?? 0 }

    func root(_ sum: Double) -> Double { (sum / Double(max(1, count))).squareRoot() }
  }

  private func worst(_ elements: Elements, _ grouping: Grouping) -> Finding? {
    let sums = sums(elements, grouping)
    // Of sampled tensors, groups may have few elements; a last run, too.
    let judged = sums.indices.filter { sums[$0].count >= limits.isolatedElements }
    let live = judged.filter { sums[$0].size > 0 }.map { sums[$0] }
    guard judged.count > 1, !live.isEmpty else { return nil }
    let noise = live.map { $0.root($0.noise) }.sorted()[live.count / 4]
    let size = live.map { $0.root($0.size) }.sorted()[live.count / 4]
    let share = live.map { $0.root($0.noise) / $0.root($0.size) }.sorted()[live.count / 4]
    let unit = limits.floor * DType.float32.unitRoundoff
    func ratio(_ group: Int) -> Double {
      let found = sums[group]
      let error = found.root(found.error)
      return error == 0
        ? 0
        : error
          / (found.root(found.noise) + noise + share * found.root(found.size)
            + unit * (found.root(found.size) + size))
    }
    guard let group = judged.max(by: { ratio($0) < ratio($1) }) else { return nil }
    return Finding(
      place: place(group, sums[group], grouping, elements), ratio: ratio(group))
  }

  private func sums(_ elements: Elements, _ grouping: Grouping) -> [Sums] {
    let shape = elements.shape
    let strides = shape.indices.map { shape.dropFirst($0 + 1).reduce(1, *) }
    let count: Int
    switch grouping {
    case .axes(let axes): count = axes.reduce(1) { $0 * shape[$1] }
    case .run(let length): count = (elements.got.count + length - 1) / length
    }
    let none = Sums(noises: [Double](repeating: 0, count: elements.others.count))
    var sums = [Sums](repeating: none, count: count)
    for index in elements.got.indices {
      let position = elements.position(index)
      var group = 0
      switch grouping {
      case .axes(let axes):
        for axis in axes { group = group * shape[axis] + position / strides[axis] % shape[axis] }
      case .run(let length): group = index / length
      }
      let (a, c) = (elements.got[index], elements.recorded[index])
      guard a.isFinite, c.isFinite, elements.others.allSatisfy({ $0[index].isFinite }) else {
        continue
      }
      sums[group].error += (a - c) * (a - c)
      for (draw, other) in elements.others.enumerated() {
        sums[group].noises[draw] += (a - other[index]) * (a - other[index])
      }
      sums[group].size += c * c
      sums[group].count += 1
    }
    return sums
  }

  private func place(
    _ group: Int, _ sums: Sums, _ grouping: Grouping, _ elements: Elements
  ) -> Ground.Place {
    let shape = elements.shape
    var place = Ground.Place(
      indices: [], run: nil, error: sums.root(sums.error), size: sums.root(sums.size))
    switch grouping {
    case .axes(let axes):
      place.indices = [Int?](repeating: nil, count: (axes.last ?? 0) + 1)
      var rest = group
      for axis in axes.reversed() {
        place.indices[axis] = rest % shape[axis]
        rest /= shape[axis]
      }
    case .run(let length):
      place.indices = Comparison.index(elements.position(group * length), in: shape)
      place.run = length
    }
    return place
  }
}
