import WeighbridgeTensors

/// Which elements of an axis each output is a weighted sum of.
///
/// Source of every formula: PyTorch's `torch.nn.functional.interpolate` and its definition of
/// positions: with `alignCorners` output i lies at i·(in − 1)/(out − 1), else at (i + ½)·scale − ½.
struct InterpolationTaps<S: PlainScalar> {
  /// The taps of output i are those from `starts[i]` to `starts[i + 1]`.
  private(set) var starts: [Int] = [0]
  private(set) var positions: [Int] = []
  private(set) var weights: [S] = []

  /// - Parameters:
  ///   - size: The extent of the axis, at least 1.
  ///   - outputs: The extent of the result.
  ///   - factor: The factor between them where the caller gave it; the scale is then its reciprocal.
  init(_ interpolation: Interpolation, size: Int, outputs: Int, factor: Double?) {
    let alignsCorners = interpolation.alignCorners
    let scale: S =
      alignsCorners
      ? (outputs > 1 ? S(size - 1) / S(outputs - 1) : 0)
      : factor.map { S(1 / $0) } ?? S(size) / S(outputs)
    starts.reserveCapacity(outputs + 1)
    for output in 0..<outputs {
      if interpolation.antialias {
        addAntialiased(interpolation.mode, output, scale, size)
      } else {
        add(interpolation.mode, output, scale, size, alignsCorners, isCopy: size == outputs)
      }
      starts.append(positions.count)
    }
  }

  private mutating func add(
    _ mode: Interpolation.Mode, _ output: Int, _ scale: S, _ size: Int, _ alignsCorners: Bool,
    isCopy: Bool
  ) {
    switch mode {
    case .nearest, .area:
      add(Self.whole(S(output) * scale, size), 1)
    case .nearestExact:
      add(Self.whole(max(0, (S(output) + 0.5) * scale - 0.5) + 0.5, size), 1)
    case .linear:
      if isCopy {
        add(output, 1)
        return add(output, 0)
      }
      let place = max(0, Self.place(output, scale, alignsCorners))
      let first = min(Int(place), size - 1)
      let rest = min(max(place - S(first), 0), 1)
      add(first, 1 - rest)
      add(min(first + 1, size - 1), rest)
    case .cubic:
      let place = Self.place(output, scale, alignsCorners)
      let first = min(Int(place.rounded(.down)), size - 1)
      let rest = min(max(place - S(first), 0), 1)
      for (offset, weight) in zip(-1...2, Self.cubicWeights(rest)) {
        add(min(max(first + offset, 0), size - 1), weight)
      }
    }
  }

  private mutating func add(_ position: Int, _ weight: S) {
    positions.append(position)
    weights.append(weight)
  }

  /// PyTorch rounds positions of nearest pixels in float32, whatever the dtype.
  private static func whole(_ place: S, _ size: Int) -> Int {
    min(Int(Float(place).rounded(.down)), size - 1)
  }

  private static func place(_ output: Int, _ scale: S, _ alignsCorners: Bool) -> S {
    alignsCorners ? scale * S(output) : scale * (S(output) + 0.5) - 0.5
  }

  /// Keys' cubic convolution with a = −0.75 at a place `rest` behind the second of four pixels.
  private static func cubicWeights(_ rest: S) -> [S] {
    let a: S = -0.75
    func near(_ x: S) -> S { ((a + 2) * x - (a + 3)) * x * x + 1 }
    func far(_ x: S) -> S { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    return [far(rest + 1), near(rest), near(1 - rest), far(2 - rest)]
  }

  /// The kernel widened by the scale where the image shrinks, its weights divided by their sum.
  private mutating func addAntialiased(
    _ mode: Interpolation.Mode, _ output: Int, _ scale: S, _ size: Int
  ) {
    let reach: S = mode == .cubic ? 2 : 1
    let support = scale >= 1 ? reach * scale : reach
    let center = scale * (S(output) + 0.5)
    let first = max(Int(center - support + 0.5), 0)
    let count = max(1, min(Int(center + support + 0.5), size) - first)
    let shrink = scale >= 1 ? 1 / scale : 1
    let own = (0..<count).map { tap -> S in
      let x = (S(tap + first) - center + 0.5) * shrink
      return mode == .cubic ? Self.antialiasedCubic(abs(x)) : max(0, 1 - abs(x))
    }
    let total = own.reduce(0, +)
    for (tap, weight) in own.enumerated() {
      add(min(first + tap, size - 1), total == 0 ? weight : weight / total)
    }
  }

  /// Keys' cubic convolution with a = −0.5, as Pillow has it.
  private static func antialiasedCubic(_ x: S) -> S {
    let a: S = -0.5
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
  }
}
