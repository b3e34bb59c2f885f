/// The operators without learned layers of their own, as values that can be changed and computed again.
package enum EngineOperation: TensorOperation, Hashable {
  case matmul
  case pool(PoolingGeometry)
  case adaptivePool(Pair<Int>)
  case activate(Activation)
  case softmax(axis: Int, isLogarithm: Bool)
  case unary(UnaryOperation)
  case binary(BinaryOperation)
  case reduce(Reduction, axes: [Int], keepsAxes: Bool)
  case affineGrid(size: Pair<Int>, alignCorners: Bool)
  case gridSample(alignCorners: Bool)
  /// Operands: queries, keys, values and the bias, where there is one.
  case attention(scale: Double)
  /// Operands: x, then weight and bias, where there are both.
  case layerNorm(axes: Int, epsilon: Double)
  /// Operands: x, then weight and bias, where there are both.
  case groupNorm(groups: Int, epsilon: Double)
  /// Operands: x, mean and variance, then weight and bias, where there are both.
  case batchNorm(epsilon: Double)
  case scaleChannels
  case interpolate(Interpolation, size: [Int], scales: [Double]?)
  case pad([AxisPadding], PaddingMode)

  package func result(of operands: [Tensor]) throws -> Tensor {
    guard let x = operands.first else {
      throw WeighbridgeError(.shape, "an operation without operands")
    }
    func operand(_ index: Int) throws -> Tensor {
      guard index < operands.count else {
        throw WeighbridgeError(.shape, "an operation lacks its operand \(index)")
      }
      return operands[index]
    }
    return try OperationObservation.with(nil) {
      switch self {
      case .matmul: try x.matmul(operand(1))
      case .pool(let geometry): try x.pooled(geometry)
      case .adaptivePool(let size): try x.adaptiveAveragePooled(to: size)
      case .activate(let activation): try x.activated(activation)
      case .softmax(let axis, let isLogarithm):
        try isLogarithm ? x.logSoftmax(axis: axis) : x.softmax(axis: axis)
      case .unary(let operation): try x.mapped(operation)
      case .binary(let operation): try x.combined(operation, operand(1))
      case .reduce(let reduction, let axes, let keepsAxes):
        try x.reduced(reduction, axes: axes, keepingAxes: keepsAxes)
      case .affineGrid(let size, let alignCorners):
        try x.affineGrid(size: size, alignCorners: alignCorners)
      case .gridSample(let alignCorners):
        try x.gridSampled(operand(1), alignCorners: alignCorners)
      case .attention(let scale):
        try x.attention(
          keys: operand(1), values: operand(2), scale: scale,
          bias: operands.count > 3 ? operands[3] : nil)
      case .layerNorm(let axes, let epsilon):
        try x.layerNormalized(
          axes: axes, weight: operands.count > 2 ? operands[1] : nil,
          bias: operands.count > 2 ? operands[2] : nil, epsilon: epsilon)
      case .groupNorm(let groups, let epsilon):
        try x.groupNormalized(
          groups: groups, weight: operands.count > 2 ? operands[1] : nil,
          bias: operands.count > 2 ? operands[2] : nil, epsilon: epsilon)
      case .batchNorm(let epsilon):
        try x.batchNormalized(
          mean: operand(1), variance: operand(2), weight: operands.count > 4 ? operands[3] : nil,
          bias: operands.count > 4 ? operands[4] : nil, epsilon: epsilon)
      case .scaleChannels: try x.scaledByChannel(operand(1))
      case .interpolate(let interpolation, let size, let scales):
        try x.interpolated(to: size, interpolation, scales: scales)
      case .pad(let amounts, let mode): try x.padded(amounts, mode)
      }
    }
  }
}
