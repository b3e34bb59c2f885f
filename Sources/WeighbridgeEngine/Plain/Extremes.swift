/// The larger and the smaller of scalars, NaN where there is one.
enum Extremes {
  @inline(__always)
  static func larger<S: PlainScalar>(_ a: S, _ b: S) -> S {
    let kept = b <= a ? a : b  // b where either is NaN
    return a != a ? a : kept
  }

  @inline(__always)
  static func smaller<S: PlainScalar>(_ a: S, _ b: S) -> S {
    let kept = b >= a ? a : b
    return a != a ? a : kept
  }

  /// The greatest scalar of a run; −∞ for none.
  @inline(__always)
  static func maximum<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    fold(input, count, from: -.infinity) { larger($0, $1) }
  }

  /// The least scalar of a run; ∞ for none.
  @inline(__always)
  static func minimum<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    fold(input, count, from: .infinity) { smaller($0, $1) }
  }

  /// Whether a run is −∞ alone.
  @inline(__always)
  static func isMinusInfinity<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> Bool {
    for i in 0..<count where input[i] != -.infinity { return false }
    return count > 0
  }

  /// Eight interleaved folds, so that none waits for another.
  @inline(__always)
  private static func fold<S: PlainScalar>(
    _ input: UnsafePointer<S>, _ count: Int, from start: S, _ pick: (S, S) -> S
  ) -> S {
    var (a, b, c, d) = (start, start, start, start)
    var (e, f, g, h) = (start, start, start, start)
    let whole = count / 8 * 8
    var next = input
    let end = input + whole
    while next < end {
      a = pick(a, next[0])
      b = pick(b, next[1])
      c = pick(c, next[2])
      d = pick(d, next[3])
      e = pick(e, next[4])
      f = pick(f, next[5])
      g = pick(g, next[6])
      h = pick(h, next[7])
      next += 8
    }
    var result = pick(pick(pick(a, b), pick(c, d)), pick(pick(e, f), pick(g, h)))
    for i in whole..<count { result = pick(result, input[i]) }
    return result
  }
}
