extension Linear: ParameterizedModule {
  public var parameters: [ModuleParameter] {
    [.init("weight", .linearWeight, weight)] + (bias.map { [.init("bias", .vector, $0)] } ?? [])
  }

  public func replacing(_ tensors: [String: Tensor]) -> Linear {
    Linear(path: path, weight: tensors["weight"] ?? weight, bias: tensors["bias"] ?? bias)
  }
}

extension Conv2d: ParameterizedModule {
  public var parameters: [ModuleParameter] {
    [.init("weight", .convolutionWeight, weight)]
      + (bias.map { [.init("bias", .vector, $0)] } ?? [])
  }

  public func replacing(_ tensors: [String: Tensor]) -> Conv2d {
    replacing(weight: tensors["weight"] ?? weight, bias: tensors["bias"] ?? bias)
  }
}

extension BatchNorm: ParameterizedModule {
  public var parameters: [ModuleParameter] {
    [.init("weight", .vector, weight), .init("bias", .vector, bias)]
      + (mean.map { [.init("running_mean", .statistic, $0)] } ?? [])
      + (variance.map { [.init("running_var", .statistic, $0)] } ?? [])
  }

  public func replacing(_ tensors: [String: Tensor]) -> BatchNorm {
    var copy = self
    copy.weight = tensors["weight"] ?? weight
    copy.bias = tensors["bias"] ?? bias
    copy.mean = tensors["running_mean"] ?? mean
    copy.variance = tensors["running_var"] ?? variance
    return copy
  }
}

extension LayerNorm: ParameterizedModule {
  public var parameters: [ModuleParameter] {
    [.init("weight", .vector, weight), .init("bias", .vector, bias)]
  }

  public func replacing(_ tensors: [String: Tensor]) -> LayerNorm {
    var copy = self
    copy.weight = tensors["weight"] ?? weight
    copy.bias = tensors["bias"] ?? bias
    return copy
  }
}

extension GroupNorm: ParameterizedModule {
  public var parameters: [ModuleParameter] {
    [.init("weight", .vector, weight), .init("bias", .vector, bias)]
  }

  public func replacing(_ tensors: [String: Tensor]) -> GroupNorm {
    var copy = self
    copy.weight = tensors["weight"] ?? weight
    copy.bias = tensors["bias"] ?? bias
    return copy
  }
}
