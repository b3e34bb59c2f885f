import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension SELayer: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    func wiring(
      _ words: String, _ compute: @escaping @Sendable (Tensor) throws -> Tensor
    ) -> Alternative<Tensor, Tensor> {
      Alternative(
        Cause(
          .seWiring, "the reference \(words)",
          fix: .code("wire \(path) as the reference: it \(words)")), compute)
    }
    return [
      wiring("adds the gate instead of multiplying by it") { x in
        try x + gate(x).expanded(toRank: 4)
      },
      wiring("gates twice") { x in
        let gate = try gate(x)
        return try x.scaledByChannel(gate).scaledByChannel(gate)
      },
      wiring("adds its input to the gated one") { x in try x + x.scaledByChannel(gate(x)) },
      wiring("squeezes by the maximum instead of the mean") { x in
        let largest = try x.pooled(
          PoolingGeometry(.maximum, kernel: Pair(x.shape[2], x.shape[3])))
        return try x.scaledByChannel(fc(largest.flattened(from: 1)))
      },
      wiring("squeezes by the sum instead of the mean") { x in
        let count = Double(x.shape[2] * x.shape[3])
        return try x.scaledByChannel(fc(pool(x).affine(scale: count).flattened(from: 1)))
      },
      wiring("gates by the complement, 1 − gate") { x in
        try x.scaledByChannel(gate(x).affine(scale: -1, shift: 1))
      },
      wiring("returns the gate alone") { x in
        try gate(x).expanded(toRank: 4).expanded(to: x.shape)
      },
      Alternative(
        Cause(
          .moduleSkipped, "the reference hands its input on unchanged",
          fix: .code("leave \(path) out, as the recorded network does"))
      ) { $0 },
    ]
  }
}

/// The other ways in which a residual block joins its branch and its shortcut.
///
/// - Parameters:
///   - branch: The branch's output before squeeze-and-excitation.
///   - relu: The block's activation.
private func residualAlternatives(
  _ path: ModulePath, se: SELayer, relu: ReLU,
  branch: @escaping @Sendable (Tensor) throws -> Tensor,
  shortcut: @escaping @Sendable (Tensor) throws -> Tensor
) -> [Alternative<Tensor, Tensor>] {
  func form(
    _ kind: Cause.Kind, _ words: String, _ compute: @escaping @Sendable (Tensor) throws -> Tensor
  ) -> Alternative<Tensor, Tensor> {
    Alternative(
      Cause(
        kind, "the reference \(words)",
        fix: .code("wire \(path) as the reference: it \(words)")), compute)
  }
  return [
    form(.residualForm, "does not add the shortcut") { try relu(se(branch($0))) },
    form(.residualForm, "has no activation after the sum") { try se(branch($0)) + shortcut($0) },
    form(.residualForm, "activates before the sum") { try relu(se(branch($0))) + shortcut($0) },
    form(.seWiring, "gates the sum, not the branch") {
      try relu(se(branch($0) + shortcut($0)))
    },
    form(.seWiring, "gates the activated sum") { try se(relu(branch($0) + shortcut($0))) },
    form(.moduleSkipped, "has no squeeze-and-excitation here") {
      try relu(branch($0) + shortcut($0))
    },
  ]
}

extension SEBottleneck: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    residualAlternatives(
      path, se: se, relu: relu, branch: { try branch($0) },
      shortcut: { try downsample?($0) ?? $0 })
  }
}

extension SEBasicBlock: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    residualAlternatives(
      path, se: se, relu: relu, branch: { try branch($0) },
      shortcut: { try downsample?($0) ?? $0 })
  }
}
