extension Vocabulary {
  /// Reductions over axes; `dim: null` is all of them.
  static let reductions: [Function] = [
    .tensor("sum(input, dim, keepdim, dtype)") { try reduced($0, .sum) },
    .tensor("mean(input, dim, keepdim, dtype)") { try reduced($0, .mean) },
    .tensor("prod(input, dim, keepdim, dtype)") { try reduced($0, .product) },
    .tensor("amax(input, dim, keepdim)") { try reduced($0, .maximum) },
    .tensor("amin(input, dim, keepdim)") { try reduced($0, .minimum) },
    Function("max(input, dim, keepdim)") { try extreme($0, .maximum) },
    Function("min(input, dim, keepdim)") { try extreme($0, .minimum) },
    .tensor("any(input, dim, keepdim)") {
      let x = try condition($0, "input")
      return try x.any(axes: $0.axes("dim", of: x), keepingAxes: $0.flag("keepdim"))
    },
    .tensor("all(input, dim, keepdim)") {
      let x = try condition($0, "input")
      return try x.all(axes: $0.axes("dim", of: x), keepingAxes: $0.flag("keepdim"))
    },
    .tensor("argmax(input, dim, keepdim)") { try place($0) { try $0.argMaximum(axis: $1) } },
    .tensor("argmin(input, dim, keepdim)") { try place($0) { try $0.argMinimum(axis: $1) } },
    .tensor("std(input, dim, correction, keepdim)") { try variance($0).mapped(.squareRoot) },
    .tensor("var(input, dim, correction, keepdim)") { try variance($0) },
    Function("std_mean(input, dim, correction, keepdim)") {
      .tensors([try variance($0).mapped(.squareRoot), try reduced($0, .mean)])
    },
    Function("var_mean(input, dim, correction, keepdim)") {
      .tensors([try variance($0), try reduced($0, .mean)])
    },
    .tensor("norm(input, p, dim, keepdim, dtype)") { a in
      if case .text(let name) = a["p"] { try a.require(name == "fro", "p") }
      return try norm(a, p: a["p"].asNumber ?? 2)
    },
    .tensor("vector_norm(input, ord, dim, keepdim, dtype)") {
      try norm($0, p: $0.number("ord", default: 2))
    },
    .tensor("logsumexp(input, dim, keepdim)") {
      try $0.floating("input").logSumExponential(
        axis: $0.single("dim"), keepingAxis: $0.flag("keepdim"))
    },
    .tensor("cumsum(input, dim, dtype)") {
      let x = try $0.tensor("input")
      return try ($0.dtype().map { try x.casted(to: $0) } ?? x)
        .cumulativeSum(axis: $0.integer("dim"))
    },
    .tensor("cumprod(input, dim, dtype)") { a in
      var x = try a.tensor("input")
      if let dtype = try a.dtype() { x = try x.casted(to: dtype) }
      let axis = try x.shape.resolvedAxis(a.integer("dim"))
      var parts: [Tensor] = []
      for index in 0..<x.shape[axis] {
        let part = try x.narrowed(axis, start: index, length: 1)
        parts.append(try parts.last.map { try $0 * part } ?? part)
      }
      return parts.isEmpty ? x : try .concatenated(parts, axis: axis)
    },
    .refused("median(input, dim, keepdim)"),
  ]

  static func reduced(_ a: Arguments, _ reduction: Reduction) throws -> Tensor {
    var x = try a.tensor("input")
    if a.function.parameters.contains("dtype"), let dtype = try a.dtype() {
      x = try x.casted(to: dtype)
    } else if reduction == .mean {
      x = try a.floating("input")
    }
    return try x.reduced(
      reduction, axes: a.axes("dim", of: x), keepingAxes: a.flag("keepdim"))
  }

  /// Without an axis one value, with one the values and where they stand.
  private static func extreme(_ a: Arguments, _ kind: Extreme) throws -> Value {
    let x = try a.tensor("input")
    guard !a.isNone("dim") else {
      return .tensor(try x.reduced(kind == .maximum ? .maximum : .minimum))
    }
    let (axis, keeps) = (try a.integer("dim"), try a.flag("keepdim"))
    let found =
      kind == .maximum
      ? try x.maximum(axis: axis, keepingAxis: keeps)
      : try x.minimum(axis: axis, keepingAxis: keeps)
    return .tensors([found.values, found.indices])
  }

  /// Where an extreme stands: along an axis, or among all elements.
  private static func place(
    _ a: Arguments, _ find: (Tensor, Int) throws -> Tensor
  ) throws -> Tensor {
    let x = try a.tensor("input")
    guard !a.isNone("dim") else { return try find(x.flattened(), 0) }
    let axis = try x.shape.resolvedAxis(a.integer("dim"))
    let found = try find(x, axis)
    return try a.flag("keepdim") ? found.unsqueezed(axis) : found
  }

  private static func variance(_ a: Arguments) throws -> Tensor {
    let x = try a.floating("input")
    return try x.variance(
      axes: a.axes("dim", of: x), correction: a.integer("correction", default: 1),
      keepingAxes: a.flag("keepdim"))
  }

  private static func norm(_ a: Arguments, p: Double) throws -> Tensor {
    var x = try a.floating("input")
    if let dtype = try a.dtype() { x = try x.casted(to: dtype) }
    return try x.norm(p: p, axes: a.axes("dim", of: x), keepingAxes: a.flag("keepdim"))
  }
}
