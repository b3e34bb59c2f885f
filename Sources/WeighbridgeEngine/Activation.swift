/// An elementwise activation function, with its parameters.
public enum Activation: Sendable, Hashable {
  /// max(x, 0).
  case relu
  /// min(max(x, 0), 6).
  case relu6
  /// x for x > 0, else slope·x.
  case leakyReLU(slope: Double)
  /// ½·x·(1 + erf(x/√2)), PyTorch's `gelu` with `approximate="none"`.
  case gelu
  /// ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), PyTorch's `approximate="tanh"`.
  case geluTanh
  /// x·sigmoid(1.702·x).
  case geluQuick
  /// x·sigmoid(x), also called swish.
  case silu
  /// 1 / (1 + e⁻ˣ).
  case sigmoid
  /// min(max(x/6 + ½, 0), 1).
  case hardSigmoid
  /// x·hardSigmoid(x).
  case hardSwish
  /// tanh(x).
  case tanh
  /// x for x > 0, else α·(eˣ − 1).
  case elu(alpha: Double)
  /// ln(1 + eˣ).
  case softplus
}

/// What follows a convolution or linear map within the same primitive:
/// `activation(result + residual)`.
public struct Epilogue: Sendable {
  /// Added to the result; of the result's shape.
  public var residual: Tensor?
  /// Applied last.
  public var activation: Activation?

  /// The residual is added first; what is `nil` is left out.
  public init(residual: Tensor? = nil, activation: Activation? = nil) {
    self.residual = residual
    self.activation = activation
  }

  /// Nothing.
  public static let none = Epilogue()
}
