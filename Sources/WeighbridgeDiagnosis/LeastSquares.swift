/// Solves small linear least-squares problems in float64.
enum LeastSquares {
  /// The coefficients c that make Σ cᵢ·columnᵢ nearest to the target.
  ///
  /// - Returns: `nil` where the columns do not determine them: too few values, or one column that the
  ///   others make.
  static func solve(_ columns: [[Double]], _ target: [Double]) -> [Double]? {
    let count = columns.count
    guard count > 0, target.count >= 2 * count, columns.allSatisfy({ $0.count == target.count })
    else { return nil }
    // The columns at one length, so that small ones do not drown.
    let lengths = columns.map { column in column.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    guard lengths.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
    var rows = columns.indices.map { i in
      columns.indices.map { dot(columns[i], columns[$0]) / (lengths[i] * lengths[$0]) }
        + [dot(columns[i], target) / lengths[i]]
    }
    for pivot in 0..<count {
      guard let best = (pivot..<count).max(by: { abs(rows[$0][pivot]) < abs(rows[$1][pivot]) }),
        abs(rows[best][pivot]) > 1e-9
      else { return nil }
      rows.swapAt(pivot, best)
      for row in 0..<count where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot...count { rows[row][column] -= factor * rows[pivot][column] }
      }
    }
    let solved = (0..<count).map { rows[$0][count] / rows[$0][$0] / lengths[$0] }
    return solved.allSatisfy(\.isFinite) ? solved : nil
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
