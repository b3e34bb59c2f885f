import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension Encoding: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    func form(
      _ kind: Cause.Kind, _ words: String,
      _ weights: @escaping @Sendable (_ scores: Tensor, _ squares: Tensor) throws -> Tensor
    ) -> Alternative<Tensor, Tensor> {
      Alternative(
        Cause(
          kind, "the reference \(words)",
          fix: .code("assign the points in \(path) as the reference: it \(words)"))
      ) { try encoded(points($0), weights) }
    }
    return [
      form(.softmaxAxis, "takes the softmax over the points, here over the codewords") {
        scores, _ in try scores.softmax(axis: 1)
      },
      form(.attentionScale, "does not scale the distances") { _, squares in
        try squares.softmax(axis: 2)
      },
      form(.attentionScale, "scales the distances by −scale") { scores, _ in
        try scores.affine(scale: -1).softmax(axis: 2)
      },
    ]
  }

  /// Step by step: points [B, N, C], differences [B, N, K, C].
  private func encoded(
    _ points: Tensor, _ weights: (_ scores: Tensor, _ squares: Tensor) throws -> Tensor
  ) throws -> Tensor {
    let differences = try points.unsqueezed(2) - codewords
    let squares = try (differences * differences).sum(axes: [3])
    let assigned = try weights(squares * scale, squares)
    return try (differences * assigned.unsqueezed(-1)).sum(axes: [1])
  }
}
