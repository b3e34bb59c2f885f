import WeighbridgeModules

/// Constants that frameworks and articles use where PyTorch's default is 1e-5.
private let epsilons = [1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-12, 0]

private func words(_ epsilon: Double) -> String { epsilon == 0 ? "0" : "\(epsilon)" }

extension BatchNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let constants = epsilons.filter { $0 != epsilon }.map { other in
      var copy = self
      copy.epsilon = other
      return Alternative<Tensor, Tensor>(
        Cause(
          .batchNormEpsilon, "eps is \(words(epsilon)) here and \(words(other)) in the reference",
          fix: epsilonFix(other)),
        copy)
    }
    guard let mean, let variance else { return constants }
    let swapped = replacing(["running_mean": variance, "running_var": mean])
    return constants + [
      Alternative(
        Cause(
          .statisticsSwapped, "running_mean and running_var stand in each other's place",
          fix: .parameters([
            .init((path / "running_mean").name, [.replacedBy((path / "running_var").name)]),
            .init((path / "running_var").name, [.replacedBy((path / "running_mean").name)]),
          ])),
        swapped),
      Alternative(
        Cause(
          .batchStatistics,
          "the reference was normalised with its own batch's mean and variance",
          fix: .code("record the reference in eval mode: model.eval()"))
      ) { try normalizedByBatch($0) },
    ]
  }

  private func epsilonFix(_ value: Double) -> Cause.Fix {
    guard let key = epsilonKey else {
      return .code("give \(path)'s BatchNorm epsilon: \(words(value))")
    }
    return .configuration(key: key, value: .number(value))
  }

  /// As in training: mean and biased variance over batch and positions.
  private func normalizedByBatch(_ x: Tensor) throws -> Tensor {
    let (mean, variance) = try batchStatistics(of: x)
    return try replacing(["running_mean": mean, "running_var": variance]).forward(x)
  }
}

extension LayerNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    epsilons.filter { $0 != epsilon }.map { other in
      var copy = self
      copy.epsilon = other
      let fix: Cause.Fix =
        epsilonKey.map { .configuration(key: $0, value: .number(other)) }
        ?? .code("give \(path)'s LayerNorm epsilon: \(words(other))")
      return Alternative(
        Cause(
          .layerNormEpsilon, "eps is \(words(epsilon)) here and \(words(other)) in the reference",
          fix: fix),
        copy)
    }
  }
}

extension GroupNorm: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    epsilons.filter { $0 != epsilon }.map { other in
      var copy = self
      copy.epsilon = other
      return Alternative(
        Cause(
          .layerNormEpsilon, "eps is \(words(epsilon)) here and \(words(other)) in the reference",
          fix: .code("give \(path)'s GroupNorm epsilon: \(words(other))")),
        copy)
    }
  }
}

/// Every form that an activation function is mistaken for, with the kind of mistake that it is.
private func forms(of activation: Activation) -> [(Cause.Kind, Activation, String)] {
  let gelus: [(Activation, String)] = [
    (.gelu, "GELU by erf"), (.geluTanh, "GELU by tanh"), (.geluQuick, "GELU by 1.702"),
  ]
  let sigmoids: [(Activation, String)] = [(.sigmoid, "sigmoid"), (.hardSigmoid, "hard sigmoid")]
  let rectifiers: [(Activation, String)] =
    [(.relu, "ReLU"), (.relu6, "ReLU6")]
    + [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3].map {
      (.leakyReLU(slope: $0), "leaky ReLU of slope \($0)")
    }
  let others: [(Activation, String)] = [
    (.silu, "SiLU"), (.hardSwish, "hard swish"), (.tanh, "tanh"), (.elu(alpha: 1), "ELU"),
  ]
  return gelus.map { (isGELU(activation) ? .geluForm : .activationForm, $0.0, $0.1) }
    + sigmoids.map { (isSigmoid(activation) ? .hardSigmoid : .activationForm, $0.0, $0.1) }
    + rectifiers.map { (isRectifier(activation) ? .activationSlope : .activationForm, $0.0, $0.1) }
    + others.map { (.activationForm, $0.0, $0.1) }
}

private func isGELU(_ activation: Activation) -> Bool {
  [.gelu, .geluTanh, .geluQuick].contains(activation)
}

private func isSigmoid(_ activation: Activation) -> Bool {
  [.sigmoid, .hardSigmoid].contains(activation)
}

private func isRectifier(_ activation: Activation) -> Bool {
  if case .leakyReLU = activation { return true }
  return [.relu, .relu6].contains(activation)
}

extension ActivationModule {
  /// The other forms of the function.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let forms = forms(of: activation)
    let own = forms.first { $0.1 == activation }?.2 ?? self.kind
    return forms.filter { $0.1 != activation }.map { kind, other, name in
      // GELU by tanh here and by erf in the reference
      let theirs = kind == .geluForm ? String(name.dropFirst("GELU ".count)) : name
      return Alternative(
        Cause(
          kind, "\(own) here and \(theirs) in the reference",
          fix: .code("compute \(name) in \(path)"))
      ) { try $0.activated(other) }
    }
  }
}

extension Activation {
  /// Other forms of this function where a module applies it between its children, or to its result.
  ///
  /// - Parameters:
  ///   - place: Where, in words: `after fc1`.
  ///   - compute: The module with another form in that place; `nil` for none at all.
  package func alternatives<Input: TensorBundle, Output: TensorBundle>(
    _ place: String, _ path: ModulePath,
    _ compute: @escaping @Sendable (Input, Activation?) throws -> Output
  ) -> [Alternative<Input, Output>] {
    let others = forms(of: self).filter { $0.1 != self }.map { kind, other, name in
      Alternative<Input, Output>(
        Cause(
          kind, "the reference has \(name) \(place)",
          fix: .code("compute \(name) \(place) in \(path)"))
      ) { try compute($0, other) }
    }
    let skipped = Alternative<Input, Output>(
      Cause(
        .moduleSkipped, "the reference has no activation \(place)",
        fix: .code("leave the activation out \(place) in \(path)"))
    ) { try compute($0, nil) }
    return others + [skipped]
  }
}

extension ReLU: Diagnosable {}
extension GELU: Diagnosable {}
extension SiLU: Diagnosable {}
extension Sigmoid: Diagnosable {}
extension Tanh: Diagnosable {}
extension ActivationLayer: Diagnosable {}
extension LeakyReLU: Diagnosable {}
extension ReLU6: Diagnosable {}
extension ELU: Diagnosable {}
extension Hardswish: Diagnosable {}
extension Hardsigmoid: Diagnosable {}
extension Softplus: Diagnosable {}

extension Softmax: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let own = axis < 0 ? axis + input.rank : axis
    let others = (0..<input.rank).filter { $0 != own }.map { other in
      Alternative<Tensor, Tensor>(
        Cause(
          .softmaxAxis, "the softmax runs over axis \(own) here and \(other) in the reference",
          fix: .code("take the softmax in \(path) over axis \(other)"))
      ) { try $0.softmax(axis: other) }
    }
    let logarithm = Alternative<Tensor, Tensor>(
      Cause(
        .activationForm, "the softmax is a log-softmax in the reference",
        fix: .code("take the log-softmax in \(path)"))
    ) { try $0.logSoftmax(axis: own) }
    return others + [logarithm]
  }
}
