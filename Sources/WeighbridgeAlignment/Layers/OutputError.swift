import WeighbridgeModules
import WeighbridgeTensors

/// How far outputs are from recorded ones.
enum OutputError {
  /// The root of the mean square difference over that of the recorded values.
  static func relative(_ got: [Tensor], _ recorded: [Tensor]) throws -> Double {
    var (squares, size) = (0.0, 0.0)
    for (a, b) in zip(got, recorded) {
      let (a, b) = (try a.elements(as: Float.self), try b.elements(as: Float.self))
      for (x, y) in zip(a, b) {
        let difference = Double(x) - Double(y)
        squares += difference * difference
        size += Double(y) * Double(y)
      }
    }
    guard squares.isFinite else { return .infinity }
    guard size > 0 else { return squares == 0 ? 0 : .infinity }
    return (squares / size).squareRoot()
  }

  /// The same where a constant of each feature of the last axis is left out of account, and that
  /// constant: recorded − got.
  static func leavingConstant(
    _ got: Tensor, _ recorded: Tensor
  ) throws -> (error: Double, left: [Double]) {
    let width = got.shape.last ?? 1
    let (a, b) = (try got.elements(as: Float.self), try recorded.elements(as: Float.self))
    guard width > 0, a.count >= 2 * width else { return (.infinity, []) }
    let rows = Double(a.count / width)
    var left = [Double](repeating: 0, count: width)
    for index in a.indices { left[index % width] += Double(b[index]) - Double(a[index]) }
    for index in left.indices { left[index] /= rows }
    var (squares, size) = (0.0, 0.0)
    for index in a.indices {
      let difference = Double(b[index]) - Double(a[index]) - left[index % width]
      squares += difference * difference
      size += Double(b[index]) * Double(b[index])
    }
    guard size > 0, squares.isFinite else { return (.infinity, []) }
    return ((squares / size).squareRoot(), left)
  }

  static func root(_ tensors: [Tensor]) throws -> Double {
    var (squares, count) = (0.0, 0)
    for tensor in tensors {
      for value in try tensor.elements(as: Float.self) { squares += Double(value) * Double(value) }
      count += tensor.elementCount
    }
    return count == 0 ? 0 : (squares / Double(count)).squareRoot()
  }
}
