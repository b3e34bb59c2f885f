/// Sums of a run of neighbouring scalars.
enum RowSums {
  /// The length of a block that is summed lane by lane before it joins the total.
  private static var block: Int { 512 }

  /// The sum, in the scalar's own precision: blocks of 512 in the lanes of a vector, then the blocks.
  /// The error is at most about (512 / lanes + lanes + count / 512)·2⁻²⁴ of Σ|x| in float32.
  @inline(__always)
  static func sum<S: PlainScalar>(_ input: UnsafePointer<S>, _ count: Int) -> S {
    sum(count) {
      S.Vector(from: input + $0)
    } scalar: {
      input[$0]
    }
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

extension SIMD where Scalar: FloatingPoint {
  @inline(__always) static var zero: Self { Self(repeating: 0) }
}
