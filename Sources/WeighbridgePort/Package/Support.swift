/// Declarations that the sources of a ported package share, those that it uses.
enum Support {
  /// The text of their file; `nil` where none is used.
  ///
  /// - Parameter texts: The sources.
  static func text(for texts: String) -> String? {
    var parts: [String] = []
    if texts.contains("floorDivision(") {
      parts.append(
        """
        /// Python's `//`, which rounds towards minus infinity.
        func floorDivision(_ a: Int, _ b: Int) -> Int {
          let (quotient, rest) = a.quotientAndRemainder(dividingBy: b)
          return rest != 0 && (rest < 0) != (b < 0) ? quotient - 1 : quotient
        }
        """)
    }
    if texts.contains("pythonModulo(") {
      parts.append(
        """
        /// Python's `%`, which has the divisor's sign.
        func pythonModulo(_ a: Int, _ b: Int) -> Int {
          let rest = a % b
          return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
        }
        """)
    }
    if texts.contains("multiHeadAttention(") { parts.append(attention) }
    return parts.isEmpty
      ? nil : "import WeighbridgeNative\n\n" + parts.joined(separator: "\n\n") + "\n"
  }

  private static let attention = """
    /// PyTorch's `multi_head_attention_forward` of [n, B, features]: the output and, where wanted,
    /// how much each query attends to each key, the mean over the heads. A mask, [n, m] or
    /// [B * heads, n, m], is added to the scores, or says what is hidden.
    func multiHeadAttention(
      query: Tensor, key: Tensor, value: Tensor, heads: Int, weights: [Tensor], bias: Tensor?,
      outWeight: Tensor, outBias: Tensor?, mask: Tensor? = nil, weighing: Bool = false
    ) throws -> [Tensor] {
      let width = query.shape[2]
      let biases = try bias?.split(3, axis: 0)
      let parts = try [query, key, value].enumerated().map { place, x in
        try x.linear(weight: weights[place], bias: biases?[place])
          .unflattened(2, [heads, -1]).permuted([1, 2, 0, 3])
      }
      let scale = 1 / (Double(width) / Double(heads)).squareRoot()
      func joined(_ x: Tensor) throws -> Tensor {
        try x.permuted([2, 0, 1, 3]).flattened(from: 2).linear(weight: outWeight, bias: outBias)
      }
      let added = try mask.map { mask in
        let x =
          mask.dtype == .bool
          ? try Tensor.zeros(mask.shape, dtype: query.dtype).choosing(-.infinity, where: mask)
          : try mask.casted(to: query.dtype)
        return x.rank == 3
          ? try x.unflattened(0, [-1, heads]) : try x.unsqueezed(0).unsqueezed(0)
      }
      guard weighing else {
        return [
          try joined(
            parts[0].attention(keys: parts[1], values: parts[2], scale: scale, bias: added))
        ]
      }
      var scores = try parts[0].affine(scale: scale).matmul(parts[1].transposed())
      if let added { scores = try scores + added }
      let attended = try scores.softmax(axis: 3)
      return [try joined(attended.matmul(parts[2])), try attended.mean(axes: [1])]
    }
    """
}
