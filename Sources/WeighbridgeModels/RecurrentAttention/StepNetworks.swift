import WeighbridgeModules

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// h' = relu(i2h g + h2h h).
package struct CoreNetwork: Module {
  package let path: ModulePath
  private let i2h, h2h: Linear

  init(_ w: WeightScope, hidden: Int) throws {
    path = w.path
    i2h = try Linear(w / "i2h", in: hidden, out: hidden)
    h2h = try Linear(w / "h2h", in: hidden, out: hidden)
  }

  package func forward(_ input: Input) throws -> Tensor {
    let (glimpse, state) = (input.glimpse, input.state)
    guard state.shape == glimpse.shape else {
      throw WeighbridgeError(.shape, "the state must be \(glimpse.shape), got \(state.shape)")
    }
    return try forward(input, applying: .relu)
  }

  package func forward(_ input: Input, applying activation: Activation?) throws -> Tensor {
    try (i2h(input.glimpse) + h2h(input.state)).activated(ifAny: activation)
  }

  package struct Input: TensorBundle {
    package var glimpse: Tensor
    package var state: Tensor

    package init(glimpse: Tensor, state: Tensor) {
      (self.glimpse, self.state) = (glimpse, state)
    }

    package var tensors: [Tensor] { [glimpse, state] }

    package init(tensors: [Tensor]) throws {
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
package struct LocationNetwork: Module {
  package let path: ModulePath
  private let deviation: Double
  package let fc: Linear
  package let second: Linear?

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

  package func forward(_ input: Input) throws -> Output {
    let features = try second.map { try $0(fc(input.state).activated(.relu)) } ?? fc(input.state)
    return try output(features, input)
  }

  package func output(_ features: Tensor, _ input: Input) throws -> Output {
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

  package struct Input: TensorBundle {
    package var state: Tensor
    package var noise: Tensor?

    package init(state: Tensor, noise: Tensor?) {
      (self.state, self.noise) = (state, noise)
    }

    package var tensors: [Tensor] { [state] + (noise.map { [$0] } ?? []) }

    package init(tensors: [Tensor]) throws {
      guard let state = tensors.first, tensors.count <= 2 else {
        throw WeighbridgeError(
          .shape, "expected a state and perhaps ε, got \(tensors.count) tensors")
      }
      self.init(state: state, noise: tensors.count == 2 ? tensors[1] : nil)
    }
  }

  /// In PyTorch's order: log π first.
  package struct Output: TensorBundle {
    package var logDensity: Tensor
    package var location: Tensor

    package init(logDensity: Tensor, location: Tensor) {
      (self.logDensity, self.location) = (logDensity, location)
    }

    package var tensors: [Tensor] { [logDensity, location] }

    package init(tensors: [Tensor]) throws {
      guard tensors.count == 2 else {
        throw WeighbridgeError(
          .shape, "expected a density and a location, got \(tensors.count) tensors")
      }
      self.init(logDensity: tensors[0], location: tensors[1])
    }
  }
}

/// Logarithms of the class probabilities.
package struct ActionNetwork: Module {
  package let path: ModulePath
  package let fc: Linear

  init(_ w: WeightScope, hidden: Int, classes: Int) throws {
    path = w.path
    fc = try Linear(w / "fc", in: hidden, out: classes)
  }

  package func forward(_ state: Tensor) throws -> Tensor { try fc(state).logSoftmax(axis: 1) }
}

/// The estimated value of a state, [B, 1].
struct BaselineNetwork: Module {
  package let path: ModulePath
  package let fc: Linear

  init(_ w: WeightScope, hidden: Int) throws {
    path = w.path
    fc = try Linear(w / "fc", in: hidden, out: 1)
  }

  package func forward(_ state: Tensor) throws -> Tensor { try fc(state) }
}
