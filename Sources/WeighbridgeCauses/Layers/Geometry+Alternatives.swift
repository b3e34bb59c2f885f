import WeighbridgeModules

/// Numbers that windows are given: another one is tried where it gives the recorded shape.
private let usual = 1...4

extension Pair where Value == Int {
  fileprivate var words: String { height == width ? "\(height)" : "(\(height), \(width))" }
}

/// One number that is another one in the reference.
private func cause(
  _ kind: Cause.Kind, _ name: String, _ here: String, _ there: String, _ path: ModulePath
) -> Cause {
  Cause(
    kind, "\(name) \(here) here, \(there) in the reference",
    fix: .code("give \(path) the \(name) \(there)"))
}

extension Conv2d {
  /// Another stride or dilation. Not other groups: weight and input leave no choice of them.
  func geometryAlternatives(for input: Tensor) -> [Alternative<Tensor, Tensor>] {
    let kernel = Pair(weight.shape[2], weight.shape[3])
    return (strides(kernel) + dilations(kernel)).compactMap { cause, other in
      guard other != geometry,
        let shape = try? other.outputShape(input: input.shape, weight: weight.shape)
      else { return nil }
      return Alternative(cause, shape: shape, replacing(geometry: other))
    }
  }

  private func strides(_ kernel: Pair<Int>) -> [(Cause, ConvolutionGeometry)] {
    let pairs = usual.map { Pair($0) } + [Pair(1, 2), Pair(2, 1)]
    return (pairs + (usual.contains(kernel.height) ? [] : [kernel])).map { stride in
      var other = geometry
      other.stride = stride
      return (cause(.stride, "stride", geometry.stride.words, stride.words, path), other)
    }
  }

  /// With the padding as it is, and with as much more as the window grows.
  private func dilations(_ kernel: Pair<Int>) -> [(Cause, ConvolutionGeometry)] {
    usual.filter { Pair($0) != geometry.dilation }.flatMap {
      dilation -> [(Cause, ConvolutionGeometry)] in
      var other = geometry
      other.dilation = Pair(dilation)
      let words = (geometry.dilation.words, other.dilation.words)
      var grown = other
      grown.padding = Padding(dilation * (kernel.height / 2), dilation * (kernel.width / 2))
      let padding = grown.padding.words
      return [
        (cause(.dilation, "dilation", words.0, words.1, path), other),
        (
          Cause(
            .dilation,
            "dilation \(words.0) here, \(words.1) with padding \(padding) in the reference",
            fix: .code("give \(path) the dilation \(words.1) and the padding \(padding)")), grown
        ),
      ]
    }
  }
}

extension PoolingGeometry {
  /// Another stride or kernel.
  func moved(_ path: ModulePath) -> [(cause: Cause, geometry: PoolingGeometry)] {
    let strides = usual.map { stride in
      var other = self
      other.stride = Pair(stride)
      return (cause(.stride, "stride", self.stride.words, other.stride.words, path), other)
    }
    let kernels = (2...7).flatMap { size -> [(Cause, PoolingGeometry)] in
      var other = self
      other.kernel = Pair(size)
      let name = cause(.kernelSize, "kernel size", kernel.words, other.kernel.words, path)
      guard stride == kernel else { return [(name, other)] }
      // Where the reference gives no stride, it is the kernel's.
      var both = other
      both.stride = both.kernel
      return [(name, both), (name, other)]
    }
    return (strides + kernels).filter { $0.1 != self }
      .map { (cause: $0.0, geometry: $0.1) }
  }
}

extension AdaptiveAvgPool2d: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    guard input.rank == 4 else { return [] }
    return (1...16).map { Pair($0) }.filter { $0 != outputSize }.map { size in
      Alternative(
        cause(.outputSize, "output size", outputSize.words, size.words, path),
        shape: [input.shape[0], input.shape[1], size.height, size.width]
      ) { try $0.adaptiveAveragePooled(to: size) }
    }
  }
}
