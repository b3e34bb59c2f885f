import WeighbridgeModules

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// h' = relu(i2h g + h2h h).
struct CoreNetwork: Module {
  let path: ModulePath
  private let i2h, h2h: Linear

  init(_ w: WeightScope, hidden: Int) throws {
    path = w.path
    i2h = try Linear(w / "i2h", in: hidden, out: hidden)
    h2h = try Linear(w / "h2h", in: hidden, out: hidden)
  }

  func forward(_ input: Input) throws -> Tensor {
    let (glimpse, state) = (input.glimpse, input.state)
    guard state.shape == glimpse.shape else {
      throw WeighbridgeError(.shape, "the state must be \(glimpse.shape), got \(state.shape)")
    }
    return try h2h(state, adding: i2h(glimpse), applying: .relu)
  }

  private func forward(_ input: Input, applying activation: Activation?) throws -> Tensor {
    try h2h(input.state, adding: i2h(input.glimpse)).activated(ifAny: activation)
  }

  struct Input: TensorBundle {
    var glimpse: Tensor
    var state: Tensor

    init(glimpse: Tensor, state: Tensor) {
      (self.glimpse, self.state) = (glimpse, state)
    }

    var tensors: [Tensor] { [glimpse, state] }

    init(tensors: [Tensor]) throws {
      guard tensors.count == 2 else {
        throw WeighbridgeError(
          .shape, "expected a glimpse and a state, got \(tensors.count) tensors")
      }
      self.init(glimpse: tensors[0], state: tensors[1])
    }
  }
}

/// Where to look next: μ = tanh(fc_lt(relu(fc h))), l = μ + std·ε, and the logarithm of l's density
/// before it is limited to −1…1.
///
/// Older checkpoints have one layer, μ = tanh(fc h): the names decide.
struct LocationNetwork: Module {
  let path: ModulePath
  private let deviation: Double
  private let fc: Linear
  private let second: Linear?

  init(_ w: WeightScope, hidden: Int, deviation: Double) throws {
    path = w.path
    self.deviation = deviation
    let last = w / "fc_lt"
    if last.contains("weight") == false, last.contains("bias") == false {
      fc = try Linear(w / "fc", in: hidden, out: 2)
      second = nil
    } else {
      fc = try Linear(w / "fc", in: hidden, out: hidden / 2)
      second = try Linear(last, in: hidden / 2, out: 2)
    }
  }

  func forward(_ input: Input) throws -> Output {
    let features = try second.map { try $0(fc(input.state, applying: .relu)) } ?? fc(input.state)
    return try output(features, input)
  }

  private func output(_ features: Tensor, _ input: Input) throws -> Output {
    let mean = try features.activated(.tanh)
    var location = mean
    if let noise = input.noise {
      guard noise.shape == mean.shape else {
        throw WeighbridgeError(.shape, "ε must be \(mean.shape), got \(noise.shape)")
      }
      location = try mean + noise.affine(scale: deviation)
    }
    let distance = try (location - mean).affine(scale: 1 / deviation)
    let constant = -log(deviation) - 0.5 * log(2 * Double.pi)
    let density = try distance.mapped(.square).affine(scale: -0.5, shift: constant)
    return Output(
      logDensity: try density.sum(axes: [1]), location: try location.clamped(-1, 1))
  }

  struct Input: TensorBundle {
    var state: Tensor
    var noise: Tensor?

    init(state: Tensor, noise: Tensor?) {
      (self.state, self.noise) = (state, noise)
    }

    var tensors: [Tensor] { [state] + (noise.map { [$0] } ?? []) }

    init(tensors: [Tensor]) throws {
      guard let state = tensors.first, tensors.count <= 2 else {
        throw WeighbridgeError(
          .shape, "expected a state and perhaps ε, got \(tensors.count) tensors")
      }
      self.init(state: state, noise: tensors.count == 2 ? tensors[1] : nil)
    }
  }

  /// In PyTorch's order: log π first.
  struct Output: TensorBundle {
    var logDensity: Tensor
    var location: Tensor

    init(logDensity: Tensor, location: Tensor) {
      (self.logDensity, self.location) = (logDensity, location)
    }

    var tensors: [Tensor] { [logDensity, location] }

    init(tensors: [Tensor]) throws {
      guard tensors.count == 2 else {
        throw WeighbridgeError(
          .shape, "expected a density and a location, got \(tensors.count) tensors")
      }
      self.init(logDensity: tensors[0], location: tensors[1])
    }
  }
}

/// Logarithms of the class probabilities.
struct ActionNetwork: Module {
  let path: ModulePath
  private let fc: Linear

  init(_ w: WeightScope, hidden: Int, classes: Int) throws {
    path = w.path
    fc = try Linear(w / "fc", in: hidden, out: classes)
  }

  func forward(_ state: Tensor) throws -> Tensor { try fc(state).logSoftmax(axis: 1) }
}

extension CoreNetwork: Diagnosable {
  func alternatives(for input: Input) throws -> [Alternative<Input, Tensor>] {
    Activation.relu.alternatives("after the sum", path) { try forward($0, applying: $1) }
  }
}

extension LocationNetwork: Diagnosable {
  func alternatives(for input: Input) throws -> [Alternative<Input, Output>] {
    guard let second else { return [] }
    return Activation.relu.alternatives("after fc", path) { input, activation in
      try output(second(fc(input.state).activated(ifAny: activation)), input)
    }
  }
}

extension ActionNetwork: Diagnosable {
  func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
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

/// The estimated value of a state, [B, 1].
struct BaselineNetwork: Module {
  let path: ModulePath
  private let fc: Linear

  init(_ w: WeightScope, hidden: Int) throws {
    path = w.path
    fc = try Linear(w / "fc", in: hidden, out: 1)
  }

  func forward(_ state: Tensor) throws -> Tensor { try fc(state) }
}
