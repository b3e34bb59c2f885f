/// Sums and extremes of a run of neighbouring scalars.
enum RowSums {
  /// The length of a block that is summed lane by lane before it joins the total.
  private static var block: Int { 512 }

  /// The sum, in the scalar's own precision: blocks of 512 in the lanes of a vector, then the blocks.
  /// The error is at most about (512 / lanes + lanes + count / 512)·2⁻²⁴ of Σ|x| in float32.
  @inline(__always)
  static func sum<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    sum(count) { S.Vector(from: input + $0) } scalar: { input[$0] }
  }

  /// The sum of terms given as vectors of `S.Vector.width` from an index on, or one by one.
  @inline(__always)
  static func sum<S: PlainScalar>(
    _ count: Int, vector: (Int) -> S.Vector, scalar: (Int) -> S
  ) -> S {
    let width = S.Vector.width
    var total: S = 0
    var i = 0
    while i + width <= count {
      let end = min(count, i + block)
      var lanes = S.Vector.zero
      while i + width <= end {
        lanes += vector(i)
        i += width
      }
      total += lanes.sum()
    }
    while i < count {
      total += scalar(i)
      i += 1
    }
    return total
  }
}

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

  /// The lanes of `larger`.
  @inline(__always)
  static func larger<V: PlainVector>(_ a: V, _ b: V) -> V {
    b.replacing(with: a, where: (b .<= a) .| (a .!= a))
  }

  /// The lanes of `smaller`.
  @inline(__always)
  static func smaller<V: PlainVector>(_ a: V, _ b: V) -> V {
    b.replacing(with: a, where: (b .>= a) .| (a .!= a))
  }

  /// The greatest scalar of a run; −∞ for none.
  @inline(__always)
  static func maximum<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    fold(input, count, from: -.infinity) { larger($0, $1) } scalar: { larger($0, $1) }
  }

  /// The least scalar of a run; ∞ for none.
  @inline(__always)
  static func minimum<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    fold(input, count, from: .infinity) { smaller($0, $1) } scalar: { smaller($0, $1) }
  }

  @inline(__always)
  private static func fold<S: PlainScalar>(
    _ input: UnsafePointer<S>, _ count: Int, from start: S,
    vector: (S.Vector, S.Vector) -> S.Vector, scalar: (S, S) -> S
  ) -> S {
    let width = S.Vector.width
    var lanes = S.Vector(repeating: start)
    var i = 0
    while i + width <= count {
      lanes = vector(lanes, S.Vector(from: input + i))
      i += width
    }
    var result = start
    for lane in 0..<width { result = scalar(result, lanes[lane]) }
    while i < count {
      result = scalar(result, input[i])
      i += 1
    }
    return result
  }
}

extension SIMD where Scalar: FloatingPoint {
  @inline(__always) static var zero: Self { Self(repeating: 0) }
}
