import WeighbridgeModules

/// Constants that frameworks and articles use.
private func otherEpsilons(than epsilon: Double?) -> [Double] {
  [1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-12, 0, Double(Float.ulpOfOne)].filter { $0 != epsilon }
}

private func cause(_ kind: String, _ here: Double?, _ there: Double, _ path: ModulePath) -> Cause {
  Cause(
    .layerNormEpsilon,
    "eps is \(here.map { "\($0)" } ?? "the dtype's own") here and \(there) in the reference",
    fix: .code("give \(path)'s \(kind) epsilon: \(there)"))
}

/// The same norm with each of those constants.
private func withOtherEpsilons<Norm: Module>(
  _ norm: Norm, _ epsilon: Double?, _ set: (inout Norm, Double) -> Void
) -> [Alternative<Tensor, Tensor>] where Norm.Input == Tensor, Norm.Output == Tensor {
  otherEpsilons(than: epsilon).map { other in
    var copy = norm
    set(&copy, other)
    return Alternative(cause(norm.kind, epsilon, other, norm.path), copy)
  }
}

extension LayerNorm2d: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    withOtherEpsilons(self, epsilon) { $0.epsilon = $1 }
  }
}

extension RMSNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    withOtherEpsilons(self, epsilon) { $0.epsilon = $1 }
  }
}

extension InstanceNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    withOtherEpsilons(self, epsilon) { $0.epsilon = $1 }
  }
}
