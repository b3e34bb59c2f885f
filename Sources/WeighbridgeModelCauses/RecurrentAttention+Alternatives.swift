import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension CoreNetwork: Diagnosable {
  package func alternatives(for input: Input) throws -> [Alternative<Input, Tensor>] {
    Activation.relu.alternatives("after the sum", path) { try forward($0, applying: $1) }
  }
}

extension LocationNetwork: Diagnosable {
  package func alternatives(for input: Input) throws -> [Alternative<Input, Output>] {
    guard let second else { return [] }
    return Activation.relu.alternatives("after fc", path) { input, activation in
      try output(second(fc(input.state).activated(ifAny: activation)), input)
    }
  }
}

extension ActionNetwork: Diagnosable {
  package func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    func form(
      _ kind: Cause.Kind, _ words: String, _ compute: @escaping @Sendable (Tensor) throws -> Tensor
    ) -> Alternative<Tensor, Tensor> {
      Alternative(
        Cause(kind, "the reference \(words)", fix: .code("in \(path) it \(words)"))
      ) { try compute(fc($0)) }
    }
    return [
      form(.softmaxAxis, "takes the softmax over the batch, here over the classes") {
        try $0.logSoftmax(axis: 0)
      },
      form(.activationForm, "returns probabilities, here their logarithms") {
        try $0.softmax(axis: 1)
      },
      form(.moduleSkipped, "returns the scores themselves, here log-probabilities") { $0 },
    ]
  }
}

extension GlimpseNetwork: Diagnosable {
  public func alternatives(for input: GlimpseInput) throws -> [Alternative<GlimpseInput, Tensor>] {
    /// The network with three activations: after fc1, after fc2, of the sum.
    @Sendable func result(
      _ input: GlimpseInput, _ what: Activation?, _ place: Activation?, _ sum: Activation?
    ) throws -> Tensor {
      let what = try what2(what1(retina(input)).activated(ifAny: what))
      let place = try where2(where1(input.location).activated(ifAny: place))
      return try (what + place).activated(ifAny: sum)
    }
    let relu = Activation.relu
    return relu.alternatives("after fc1", path) { try result($0, $1, .relu, .relu) }
      + relu.alternatives("after fc2", path) { try result($0, .relu, $1, .relu) }
      + relu.alternatives("after the sum", path) { try result($0, .relu, .relu, $1) }
  }
}
