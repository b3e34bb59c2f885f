import WeighbridgeModules
import WeighbridgeTensors

/// A linear map or a convolution at a few positions: y = W·x + b, each position's x the window that
/// the layer sees there. Each row of W answers to one output channel alone.
struct LinearProblem: LayerProblem {
  let path: ModulePath
  let weight: Wanted
  let bias: Wanted?
  let groups: Int
  /// [positions][groups · width], a window's values as a kernel's row has them.
  let windows: [[Double]]
  /// [positions][rows].
  let outputs: [[Double]]

  /// How many rows a candidate is tried on before all.
  private static let screenedRows = 8
  /// What rows that are tried first may be off by.
  private static let screen = 0.02
  /// The least share of the windows' size that they must differ by for a bias to be left out of account.
  private static let leastVariation = 3e-3

  var wanted: [Wanted] { [weight] + (bias.map { [$0] } ?? []) }

  private var rows: Int { weight.shape[0] }

  func solve(_ pool: Pool) throws -> Outcome {
    guard windows.contains(where: { $0.contains { $0 != 0 } }) else {
      let reason = "every recorded input is zero at the positions looked at"
      return .solved(Solutions(assignments: [], untold: [weight.name: reason]))
    }
    guard let bias else {
      let found = try pool.fillings(weight.shape) { piece, start in
        try error(of: pool.catalog.tensor(piece), start, Centring(of: self, isCentred: false))
      }
      return .solved(Solutions(assignments: found.map { [weight.name: $0] }))
    }
    let centring = Centring(of: self, isCentred: true)
    guard centring.variation > Self.leastVariation else { return try solvePairs(pool, bias) }
    let found = try pool.fillings(weight.shape) { piece, start in
      try error(of: pool.catalog.tensor(piece), start, centring)
    }
    return .solved(
      Solutions(
        assignments: try found.flatMap { filling in
          try biases(pool.catalog.tensor(filling), bias, pool).map {
            [weight.name: filling, bias.name: $0]
          }
        }))
  }

  /// One position, or several alike: the weight and the bias are told together.
  private func solvePairs(_ pool: Pool, _ bias: Wanted) throws -> Outcome {
    var found: [[String: Filling]] = []
    for piece in pool.wholes(weight.shape) {
      pool.meter.count()
      for filling in try biases(pool.catalog.tensor(piece), bias, pool) {
        found.append([weight.name: [piece], bias.name: filling])
      }
    }
    return .solved(Solutions(assignments: found))
  }

  /// The biases that a weight leaves.
  private func biases(_ weight: Tensor, _ bias: Wanted, _ pool: Pool) throws -> [Filling] {
    let products = try products(weight, rows: Array(0..<rows), start: 0, windows)
    let count = Double(windows.count)
    // What is left of the outputs, in the mean over the positions.
    let left = (0..<rows).map { row in
      windows.indices.reduce(0.0) { $0 + outputs[$1][row] - products.values[$1][row] } / count
    }
    let scale = (0..<rows).map { row in
      let output = windows.indices.map { abs(outputs[$0][row]) }.max() ?? 0
      return output + products.norms[row] * products.windowSize
    }
    return try pool.vectors(bias.shape, left, within: scale)
  }

  /// The relative error of some rows; `nil` where a few of them show that it is large.
  private func error(of rows: Tensor, _ start: Int, _ centring: Centring) throws -> Double? {
    let count = rows.shape[0]
    let few = Self.screenedRows
    if count > few * 2 {
      let some = (0..<few).map { $0 * count / few }
      let error = try error(of: rows, some, start, centring)
      guard error <= Self.screen else { return nil }
    }
    return try error(of: rows, Array(0..<count), start, centring)
  }

  private func error(
    of tensor: Tensor, _ rows: [Int], _ start: Int, _ centring: Centring
  ) throws -> Double {
    let products = try products(tensor, rows: rows, start: start, centring.windows)
    var (squares, size) = (0.0, 0.0)
    for (position, values) in products.values.enumerated() {
      for (index, row) in rows.enumerated() {
        let difference = values[index] - centring.outputs[position][start + row]
        squares += difference * difference
        let output = outputs[position][start + row]
        size += output * output
      }
    }
    let spread =
      products.norms.reduce(0) { $0 + $1 * $1 } * centring.windowSize * centring.windowSize
    let total = size + spread * Double(products.values.count)
    guard total > 0, total.isFinite, squares.isFinite else { return squares == 0 ? 0 : .infinity }
    return (squares / total).squareRoot()
  }

  private struct Products {
    /// [positions][rows].
    var values: [[Double]]
    /// The rows' Euclidean norms.
    var norms: [Double]
    /// The root of the windows' mean square.
    var windowSize: Double
  }

  /// The products of a tensor's rows with windows.
  private func products(
    _ tensor: Tensor, rows chosen: [Int], start: Int, _ windows: [[Double]]
  ) throws -> Products {
    let whole = chosen.count == tensor.shape[0] ? try tensor.contiguous() : tensor
    var values = windows.map { _ in [Double](repeating: 0, count: chosen.count) }
    var norms = [Double](repeating: 0, count: chosen.count)
    let perGroup = max(1, rows / max(1, groups))
    let width = tensor.shape.dropFirst().reduce(1, *)
    for (index, row) in chosen.enumerated() {
      let line = try whole.narrowed(0, start: row, length: 1).contiguous()
      let first = (start + row) / perGroup * width
      let numbers = try line.withUnsafeElements(of: Float.self) { pointer in
        LinearProblem.products(
          UnsafeBufferPointer(start: pointer, count: width), windows, from: first)
      }
      norms[index] = numbers.norm
      for position in windows.indices { values[position][index] = numbers.values[position] }
    }
    return Products(values: values, norms: norms, windowSize: LinearProblem.size(windows))
  }

  private static func products(
    _ row: UnsafeBufferPointer<Float>, _ windows: [[Double]], from first: Int
  ) -> (values: [Double], norm: Double) {
    var squares = 0.0
    for value in row { squares += Double(value) * Double(value) }
    let values = windows.map { window in
      window.withUnsafeBufferPointer { window in
        var sum = 0.0
        for index in 0..<row.count { sum += Double(row[index]) * window[first + index] }
        return sum
      }
    }
    return (values, squares.squareRoot())
  }

  private static func size(_ windows: [[Double]]) -> Double {
    let count = windows.reduce(0) { $0 + $1.count }
    let squares = windows.reduce(0.0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
    return count == 0 ? 0 : (squares / Double(count)).squareRoot()
  }

  /// The windows and the outputs with their means over the positions taken off, where a bias must not
  /// count.
  private struct Centring {
    var windows: [[Double]]
    var outputs: [[Double]]
    /// The root of the mean square of the windows as they are.
    var windowSize: Double
    /// The share of it that the positions differ by.
    var variation: Double

    init(of problem: LinearProblem, isCentred: Bool) {
      windowSize = LinearProblem.size(problem.windows)
      guard isCentred else {
        (windows, outputs, variation) = (problem.windows, problem.outputs, 1)
        return
      }
      windows = Self.centred(problem.windows)
      outputs = Self.centred(problem.outputs)
      variation = windowSize > 0 ? LinearProblem.size(windows) / windowSize : 0
    }

    private static func centred(_ rows: [[Double]]) -> [[Double]] {
      guard let first = rows.first else { return rows }
      let means = first.indices.map { column in
        rows.reduce(0) { $0 + $1[column] } / Double(rows.count)
      }
      return rows.map { row in zip(row, means).map { $0 - $1 } }
    }
  }
}

extension Pool {
  /// The fillings of a vector whose values are known.
  ///
  /// - Parameter scale: What the values were computed from, for each: their rounding is of its size.
  func vectors(_ shape: Shape, _ values: [Double], within scale: [Double]) throws -> [Filling] {
    try fillings(shape) { piece, start in
      let found = try catalog.tensor(piece).elements(as: Float.self)
      var worst = 0.0
      for (index, value) in found.enumerated() {
        let difference = abs(Double(value) - values[start + index])
        let size = scale[start + index] + abs(Double(value))
        guard size > 0 else {
          if difference > 0 { return nil }
          continue
        }
        worst = max(worst, difference / size)
        if !(worst <= Acceptance.limit) { return nil }
      }
      return worst
    }
  }
}
