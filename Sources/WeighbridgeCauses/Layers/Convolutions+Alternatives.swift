import WeighbridgeModules

extension Conv1d: Diagnosable {
  /// Another padding, stride or dilation.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    guard input.rank == 3 else { return [] }
    let kernel = Shape([weight.shape[0], weight.shape[1], 1, weight.shape[2]])
    let image = Shape([input.shape[0], input.shape[1], 1, input.shape[2]])
    var found: [(Cause.Kind, String, ConvolutionGeometry)] = []
    for value in 0...4 {
      var (padded, moved, spread) = (geometry, geometry, geometry)
      padded.padding = Padding(0, value)
      moved.stride = Pair(1, max(1, value))
      spread.dilation = Pair(1, max(1, value))
      found += [
        (.padding, "padding \(value)", padded), (.stride, "stride \(max(1, value))", moved),
        (.dilation, "dilation \(max(1, value))", spread),
      ]
    }
    return found.compactMap { kind, name, other in
      guard other != geometry,
        let shape = try? other.outputShape(input: image, weight: kernel)
      else { return nil }
      return Alternative(
        Cause(kind, "the reference has \(name)", fix: .code("give \(path) \(name)")),
        shape: [shape[0], shape[1], shape[3]],
        Conv1d(path: path, weight: weight, bias: bias, geometry: other))
    }
  }
}

extension ConvTranspose2d: Diagnosable {
  /// Other strides, paddings and output paddings: several of them lead to one output size.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    guard input.rank == 4 else { return [] }
    var found: [(Cause.Kind, String, TransposedConvolutionGeometry)] = []
    for stride in 1...4 where Pair(stride) != geometry.stride {
      var other = geometry
      other.stride = Pair(stride)
      found.append((.stride, "stride \(stride)", other))
    }
    for padding in 0...4 {
      for added in 0...3 {
        var other = geometry
        (other.padding, other.outputPadding) = (Pair(padding), Pair(added))
        guard other != geometry else { continue }
        found.append((.padding, "padding \(padding) and output padding \(added)", other))
      }
    }
    return found.compactMap { kind, name, other in
      guard let shape = try? other.outputShape(input: input.shape, weight: weight.shape) else {
        return nil
      }
      return Alternative(
        Cause(
          kind, "the reference has \(name), here it is another",
          fix: .code("give \(path) \(name)")),
        shape: shape,
        ConvTranspose2d(path: path, weight: weight, bias: bias, geometry: other))
    }
  }
}
