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

extension LayerNorm2d: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    otherEpsilons(than: epsilon).map { other in
      var copy = self
      copy.epsilon = other
      return Alternative(cause(kind, epsilon, other, path), copy)
    }
  }
}

extension RMSNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    otherEpsilons(than: epsilon).map { other in
      var copy = self
      copy.epsilon = other
      return Alternative(cause(kind, epsilon, other, path), copy)
    }
  }
}

extension InstanceNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    otherEpsilons(than: epsilon).map { other in
      var copy = self
      copy.epsilon = other
      return Alternative(cause(kind, epsilon, other, path), copy)
    }
  }
}
