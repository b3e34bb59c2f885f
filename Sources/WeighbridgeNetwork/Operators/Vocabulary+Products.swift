extension Vocabulary {
  /// Products of matrices and vectors.
  static let products: [Function] = [
    .tensor("matmul(input, other)") { try product($0.operands("input", "other")) },
    .tensor("bmm(input, mat2)") { try product($0.operands("input", "mat2")) },
    .tensor("mm(input, mat2)") { try product($0.operands("input", "mat2")) },
    .tensor("mv(input, vec)") { try product($0.operands("input", "vec")) },
    .tensor("dot(input, other)") { try product($0.operands("input", "other")) },
    .tensor("outer(input, vec2)") {
      try $0.tensor("input").unsqueezed(1) * $0.tensor("vec2").unsqueezed(0)
    },
    .tensor("addmm(input, mat1, mat2, beta, alpha)") { try added($0, "mat1", "mat2") },
    .tensor("baddbmm(input, batch1, batch2, beta, alpha)") { try added($0, "batch1", "batch2") },
    .tensor("einsum(equation, operands)") {
      try Tensor.einsum($0.text("equation"), $0.tensors("operands"))
    },
    .refused("tensordot(a, b, dims)"),
    .tensor("cosine_similarity(x1, x2, dim, eps)") {
      let (axis, edge) = (try $0.integer("dim", default: 1), try $0.number("eps"))
      let (x, y) = try $0.operands("x1", "x2")
      func unit(_ tensor: Tensor) throws -> Tensor {
        try tensor / tensor.norm(axes: [axis], keepingAxes: true).clamped(edge, .infinity)
      }
      return try (unit(x) * unit(y)).sum(axes: [axis])
    },
    .tensor("cdist(x1, x2, p)") {
      let (x, y) = try $0.operands("x1", "x2")
      return try (x.unsqueezed(-2) - y.unsqueezed(-3)).norm(
        p: $0.number("p", default: 2), axes: [-1])
    },
  ]

  /// `torch.matmul`, where a vector stands for a row or a column.
  static func product(_ pair: (Tensor, Tensor)) throws -> Tensor {
    let (a, b) = pair
    guard a.rank > 0, b.rank > 0 else {
      throw WeighbridgeError(.shape, "cannot multiply matrices \(a.shape) and \(b.shape)")
    }
    let left = a.rank == 1 ? try a.unsqueezed(0) : a
    let right = b.rank == 1 ? try b.unsqueezed(1) : b
    var result = try left.matmul(right)
    if b.rank == 1 { result = try result.squeezed(-1) }
    return a.rank == 1 ? try result.squeezed(b.rank == 1 ? -1 : -2) : result
  }

  /// β·input + α·a·b.
  private static func added(_ a: Arguments, _ first: String, _ second: String) throws -> Tensor {
    let product = try timed(
      product(a.operands(first, second)), a.number("alpha", default: 1))
    let beta = try a.number("beta", default: 1)
    return beta == 0 ? product : try timed(a.tensor("input"), beta) + product
  }
}
