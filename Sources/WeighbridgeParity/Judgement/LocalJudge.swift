import WeighbridgeModules

/// Holds the errors of channels, rows and heads against their own rounding, where the tensor's largest
/// elements are too large to judge the others by.
///
/// A group is what stands at one place of an axis, or of the first two. With e its error's RMS, n its
/// rounding (our float32 against our float64, both on recorded results) and r its RMS in the reference,
/// its ratio is
///
///     e / (n + n₀ + floor · u · (r + r₀))
///
/// with n₀ and r₀ the lower quartiles of all groups of its kind that are no zeros: rounding may by luck
/// be far smaller in one group than it is in the others.
struct LocalJudge {
  let limits: Limits

  /// A group that is wrong beside its own rounding.
  struct Finding {
    /// Where the group is, on axis 0 and on.
    var place: [Int?]
    var ratio: Double
    var error: Double
    var size: Double

    /// `at [:, 3]`, as PyTorch writes it.
    var text: String {
      let index = place.map { $0.map(String.init) ?? ":" }.joined(separator: ", ")
      return "[\(index)] is off by \(Format.small(error)) where values are \(Format.small(size)), "
        + "\(Format.ratio(ratio)) times its own rounding: elements elsewhere are much larger"
    }
  }

  /// The worst group beyond the limit; `nil` when every one is within it.
  ///
  /// - Throws: when the tensors are descriptors, or of other dtypes than floating-point ones.
  func worst(_ got: Tensor, _ exact: Tensor, _ recorded: Tensor) throws -> Finding? {
    guard got.shape == exact.shape, got.shape == recorded.shape, got.elementCount > 0 else {
      return nil
    }
    let values = try [got, exact, recorded].map {
      try $0.converted(to: .float64).elements(as: Double.self)
    }
    let found = groupings(got.shape).compactMap { axes in
      worst(values[0], values[1], values[2], got.shape, axes)
    }
    return found.max { $0.ratio < $1.ratio }
  }

  /// The sets of axes whose places make groups of enough elements.
  private func groupings(_ shape: Shape) -> [[Int]] {
    let single = shape.indices.map { [$0] }
    let pairs = shape.rank > 2 ? [[0, 1]] : []
    return (single + pairs).filter { axes in
      let groups = axes.reduce(1) { $0 * shape[$1] }
      return groups > 1 && shape.elementCount / groups >= limits.isolatedElements
    }
  }

  private func worst(
    _ got: [Double], _ exact: [Double], _ recorded: [Double], _ shape: Shape, _ axes: [Int]
  ) -> Finding? {
    let strides = shape.indices.map { shape.dropFirst($0 + 1).reduce(1, *) }
    let count = axes.reduce(1) { $0 * shape[$1] }
    var sums = [(error: Double, noise: Double, size: Double)](repeating: (0, 0, 0), count: count)
    for position in got.indices {
      var group = 0
      for axis in axes { group = group * shape[axis] + position / strides[axis] % shape[axis] }
      let (a, b, c) = (got[position], exact[position], recorded[position])
      guard a.isFinite, b.isFinite, c.isFinite else { continue }
      sums[group].error += (a - c) * (a - c)
      sums[group].noise += (a - b) * (a - b)
      sums[group].size += c * c
    }
    let each = Double(got.count / count)
    func root(_ sum: Double) -> Double { (sum / each).squareRoot() }
    let live = sums.filter { $0.size > 0 }
    guard !live.isEmpty else { return nil }
    let noise = root(live.map(\.noise).sorted()[live.count / 4])
    let size = root(live.map(\.size).sorted()[live.count / 4])
    let unit = limits.floor * Limits.unitRoundoff(.float32)
    let ratios = sums.map {
      root($0.error) / (root($0.noise) + noise + unit * (root($0.size) + size))
    }
    guard let group = ratios.indices.max(by: { ratios[$0] < ratios[$1] }),
      ratios[group] > limits.isolatedRatio
    else { return nil }
    var place = [Int?](repeating: nil, count: (axes.last ?? 0) + 1)
    var rest = group
    for axis in axes.reversed() {
      place[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    return Finding(
      place: place, ratio: ratios[group], error: root(sums[group].error),
      size: root(sums[group].size))
  }
}
