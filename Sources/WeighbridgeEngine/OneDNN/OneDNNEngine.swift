#if OneDNN
  import COneDNN

  /// float32 on oneDNN; what oneDNN has no better form for runs on the plain kernels.
  package struct OneDNNEngine: Engine {
    let plain = PlainEngine()
    /// The primitives of operators without weights.
    let products = PrimitiveCache<ProductVariant>()

    package init() {}

    package var name: String { "oneDNN \(OneDNNLibrary.version)" }

    package func batchNorm(
      _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double,
      epilogue: Epilogue
    ) throws -> Tensor {
      try plain.batchNorm(
        x, mean: mean, variance: variance, weight: weight, bias: bias, epsilon: epsilon,
        epilogue: epilogue)
    }

    package func layerNorm(_ x: Tensor, axes: Int, weight: Tensor?, bias: Tensor?, epsilon: Double)
      throws -> Tensor
    {
      try plain.layerNorm(x, axes: axes, weight: weight, bias: bias, epsilon: epsilon)
    }

    package func groupNorm(
      _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
    ) throws -> Tensor {
      try plain.groupNorm(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
    }

    package func adaptiveAveragePool(_ x: Tensor, output: Pair<Int>) throws -> Tensor {
      try plain.adaptiveAveragePool(x, output: output)
    }

    package func binary(_ operation: BinaryOperation, _ a: Tensor, _ b: Tensor, output: Shape)
      throws -> Tensor
    {
      try plain.binary(operation, a, b, output: output)
    }

    package func unary(_ operation: UnaryOperation, _ x: Tensor) throws -> Tensor {
      try plain.unary(operation, x)
    }

    package func reduce(_ operation: Reduction, _ x: Tensor, axes: [Int]) throws -> Tensor {
      try plain.reduce(operation, x, axes: axes)
    }

    package func affineGrid(_ theta: Tensor, size: Pair<Int>, alignCorners: Bool) throws -> Tensor {
      try plain.affineGrid(theta, size: size, alignCorners: alignCorners)
    }

    package func gridSample(_ x: Tensor, grid: Tensor, alignCorners: Bool) throws -> Tensor {
      try plain.gridSample(x, grid: grid, alignCorners: alignCorners)
    }
  }
#endif
