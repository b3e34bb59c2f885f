import Testing
import WeighbridgeEngine

/// Operators that pick, order, resize and sum.
extension OperatorFixture {
  /// The result, indices and conditions as numbers of the engine's dtype; `nil` for another operator.
  func runMore(_ engine: TestedEngine, _ layout: TestedLayout) throws -> Tensor? {
    let given = Inputs(fixture: self, engine: engine, layout: layout)
    let x = try given("x")
    let result =
      try spatial(x, given) ?? selection(x, given) ?? order(x) ?? statistic(x, given)
      ?? function(x, given)
    guard let result, !result.dtype.isFloatingPoint else { return result }
    return try result.converted(to: engine.dtype)
  }

  /// The inputs of one run by name: indices as int64, conditions as bool.
  private struct Inputs {
    let fixture: OperatorFixture
    let engine: TestedEngine
    let layout: TestedLayout

    func callAsFunction(_ name: String) throws -> Tensor { try #require(try optional(name)) }

    func optional(_ name: String) throws -> Tensor? {
      guard let array = fixture.inputs[name] else { return nil }
      let tensor = try array.tensor(engine.dtype)
      let cast =
        name.hasPrefix("index")
        ? try tensor.casted(to: .int64)
        : name.hasPrefix("condition") ? try tensor.casted(to: .bool) : tensor
      return try layout.arrange(cast)
    }
  }

  private func spatial(_ x: Tensor, _ given: Inputs) throws -> Tensor? {
    switch self.operator {
    case "interpolate":
      let factors = numbers("factor")
      return factors.isEmpty
        ? try x.interpolated(to: integers("size"), interpolation)
        : try x.interpolated(by: factors, interpolation, recomputing: flag("recompute"))
    case "pad":
      let sides = integers("amounts")
      return try x.padded(
        stride(from: 0, to: sides.count, by: 2).map { AxisPadding(sides[$0], sides[$0 + 1]) },
        paddingMode)
    case "transposed_convolution":
      return try x.transposedConvolved(
        weight: given("weight"), bias: given.optional("bias"),
        geometry: TransposedConvolutionGeometry(
          stride: pair("stride"), padding: pair("padding"), outputPadding: pair("added"),
          dilation: pair("dilation"), groups: integer("groups")))
    case "unfold": return try x.unfolded(window)
    case "fold": return try x.folded(to: pair("size"), window)
    case "adaptive_max_pool": return try x.adaptiveMaxPooled(to: pair("size"))
    case "pixel_shuffle": return try x.pixelShuffled(integer("factor"))
    case "pixel_unshuffle": return try x.pixelUnshuffled(integer("factor"))
    case "windows":
      return try x.windows(integer("axis"), size: integer("size"), step: integer("step"))
    default: return nil
    }
  }

  private var interpolation: Interpolation {
    let named: [String: Interpolation.Mode] = [
      "bilinear": .bilinear, "bicubic": .bicubic, "trilinear": .linear,
    ]
    let mode = text.flatMap { named[$0] ?? Interpolation.Mode(rawValue: $0) } ?? .nearest
    return Interpolation(mode, alignCorners: flag("align"), antialias: flag("antialias"))
  }

  private var paddingMode: PaddingMode {
    let named: [String: PaddingMode] = [
      "reflect": .reflect, "replicate": .replicate, "circular": .circular,
    ]
    return text.flatMap { named[$0] } ?? .constant(number("value"))
  }

  private var window: WindowGeometry {
    WindowGeometry(
      kernel: pair("kernel"), stride: pair("stride"), padding: pair("padding"),
      dilation: pair("dilation"))
  }

  private func selection(_ x: Tensor, _ given: Inputs) throws -> Tensor? {
    if let comparison = comparison {
      return inputs["other"] == nil
        ? try x.compared(comparison, number("number"))
        : try x.compared(comparison, given("other"))
    }
    switch self.operator {
    case "index": return try x.indexed(integer("axis"), by: given("index"))
    case "indices":
      var indices = [Tensor?](repeating: nil, count: x.rank)
      for (place, axis) in integers("axes").enumerated() {
        indices[axis] = try given("index\(place)")
      }
      return try x.indexed(by: indices)
    case "gather": return try x.gathered(integer("axis"), given("index"))
    case "choose": return try x.choosing(given("other"), where: given("condition"))
    case "fill": return try x.choosing(number("number"), where: given("condition"))
    case "replace":
      let range = integers("range")
      return try x.replacing(
        integer("axis"), range[0]..<range[1], step: integer("step"), with: given("part"))
    case "replace_box":
      let ends = integers("ranges")
      return try x.replacing(
        stride(from: 0, to: ends.count, by: 2).map { ends[$0]..<ends[$0 + 1] }, with: given("part"))
    case "roll": return try x.rolled(integers("shifts"), axes: integers("axes"))
    case "repeat": return try x.repeated(integers("counts"))
    case "repeat_elements":
      return try x.repeatedElements(integer("count"), axis: integer("axis"))
    case "diagonal": return try x.diagonal(integers("axes")[0], integers("axes")[1])
    default: return nil
    }
  }

  private var comparison: Comparison? {
    let named: [String: Comparison] = [
      "equal": .equal, "not_equal": .notEqual, "less": .less, "less_or_equal": .lessOrEqual,
      "greater": .greater, "greater_or_equal": .greaterOrEqual,
    ]
    return named[self.operator]
  }

  private func order(_ x: Tensor) throws -> Tensor? {
    let axis = integer("axis")
    switch self.operator {
    case "sort": return try x.sorted(axis: axis, descending: flag("descending")).values
    case "sort_indices": return try x.sortingIndices(axis: axis, descending: flag("descending"))
    case "topk": return try x.topK(integer("count"), axis: axis, largest: flag("largest")).values
    case "topk_indices":
      return try x.topK(integer("count"), axis: axis, largest: flag("largest")).indices
    case "max": return try x.maximum(axis: axis).values
    case "max_indices": return try x.argMaximum(axis: axis)
    case "min": return try x.minimum(axis: axis).values
    case "min_indices": return try x.argMinimum(axis: axis)
    case "cumsum": return try x.cumulativeSum(axis: axis)
    default: return nil
    }
  }

  private func statistic(_ x: Tensor, _ given: Inputs) throws -> Tensor? {
    let axis = integer("axis")
    switch self.operator {
    case "norm": return try x.norm(p: number("p"), axes: [axis], keepingAxes: true)
    case "normalize": return try x.normalized(p: number("p"), axis: axis)
    case "variance":
      return try x.variance(axes: integers("axes"), correction: integer("correction"))
    case "deviation":
      return try x.standardDeviation(axes: integers("axes"), correction: integer("correction"))
    case "sum_all": return try x.sum()
    case "mean_all": return try x.mean()
    case "logsumexp": return try x.logSumExponential(axis: axis)
    case "rms_norm":
      return try x.rmsNormalized(
        axes: integer("axes"), weight: given.optional("weight"), epsilon: number("epsilon"))
    case "addcmul":
      return try x.adding(product: given("other"), given("third"), times: number("value"))
    case "clamp_tensors": return try x.clamped(lower: given("other"), upper: given("third"))
    case "standardize":
      return try x.standardizedWeight(
        epsilon: number("epsilon"), gain: given.optional("gain"))
    default: return nil
    }
  }

  private func function(_ x: Tensor, _ given: Inputs) throws -> Tensor? {
    let named: [String: UnaryOperation] = [
      "rsqrt": .reciprocalSquareRoot, "reciprocal": .reciprocal, "expm1": .exponentialMinusOne,
      "log1p": .logarithmOnePlus, "erf": .errorFunction, "round": .rounded, "floor": .floor,
      "ceil": .ceiling, "trunc": .truncated, "sign": .sign, "pow": .power(number("exponent")),
    ]
    if let operation = named[self.operator] { return try x.mapped(operation) }
    switch self.operator {
    case "floor_divide": return try x.combined(.floorDivide, given("other"))
    case "einsum":
      let operands = try [x] + ["other", "third"].compactMap { try given.optional($0) }
      return try Tensor.einsum(try #require(text), operands)
    default: return nil
    }
  }
}
