/// Residual encoding, the operator of deep texture encoding networks.
extension Tensor {
  /// Σ_n a[n, k]·(x[n] − c[k]) for every codeword c[k], where a[n, ·] is the softmax over the
  /// codewords of scale[k]·‖x[n] − c[k]‖²: self is x [B, N, C], the result [B, K, C].
  ///
  /// Distances are summed from the differences themselves: ‖x‖² − 2x·c + ‖c‖² would cancel.
  ///
  /// - Parameters:
  ///   - codewords: [K, C].
  ///   - scale: [K].
  /// - Throws: `shape` when they do not fit.
  public func encoded(codewords: Tensor, scale: Tensor) throws -> Tensor {
    guard rank == 3, codewords.rank == 2, codewords.shape[1] == shape[2],
      scale.shape == [codewords.shape[0]]
    else {
      throw WeighbridgeError(
        .shape,
        "codewords \(codewords.shape) with scale \(scale.shape) cannot encode \(shape): they must "
          + "be [K, C], [K] and [B, N, C]")
    }
    _ = try engine(with: codewords, scale)
    let operation = AnyOperation { operands in
      [try operands[0].encoded(codewords: operands[1], scale: operands[2])]
    }
    return try Capture.noting(operation, [self, codewords, scale], results: { [$0] }) {
      try RunLog.noting(.init(["residual encoding"]), shape: \.shape) {
        try PlainEngine().encode(self, codewords: codewords, scale: scale)
      }
    }
  }
}
