import WeighbridgeModules

extension Interpolation {
  /// Its name in words: `bilinear with corners aligned`.
  package var words: String {
    let name =
      switch mode {
      case .linear: "bilinear"
      case .cubic: "bicubic"
      default: mode.rawValue
      }
    return name + (alignCorners ? " with corners aligned" : "") + (antialias ? ", antialiased" : "")
  }

  /// The forms that it is mistaken for.
  package var alternatives: [(kind: Cause.Kind, words: String, form: Interpolation)] {
    let all: [Interpolation] =
      [.init(.nearest), .init(.nearestExact), .init(.area)]
      + [Mode.linear, .cubic].flatMap {
        [.init($0), .init($0, alignCorners: true), .init($0, antialias: true)]
      }
    return all.filter { $0 != self }.map { other in
      var aligned = other
      aligned.alignCorners = alignCorners
      let isAlignment = aligned == self && other.alignCorners != alignCorners
      return (isAlignment ? .alignCorners : .interpolationForm, other.words, other)
    }
  }
}

extension PaddingMode {
  /// Its name in words.
  package var words: String {
    switch self {
    case .constant(let value): value == 0 ? "zeros" : "\(value)"
    case .reflect: "reflection"
    case .replicate: "replication"
    case .circular: "the other end"
    }
  }

  /// The modes that it is mistaken for.
  package var alternatives: [(words: String, mode: PaddingMode)] {
    [PaddingMode.constant(0), .reflect, .replicate, .circular, .constant(1), .constant(-1)]
      .filter { $0 != self }.map { ($0.words, $0) }
  }
}

extension Upsample: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    interpolation.alternatives.map { kind, words, other in
      Alternative(
        Cause(
          kind, "the interpolation is \(interpolation.words) here and \(words) in the reference",
          fix: .code("give \(path) the interpolation \(words)"))
      ) { try resized($0, other) }
    }
  }
}

extension PaddingModule {
  /// The other modes.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    mode.alternatives.map { words, other in
      Alternative(
        Cause(
          .paddingMode, "the padding is \(mode.words) here and \(words) in the reference",
          fix: .code("pad by \(words) in \(path)"))
      ) { try $0.padded(amounts, other) }
    }
  }
}

extension ZeroPad2d: Diagnosable {}
extension ConstantPad2d: Diagnosable {}
extension ReflectionPad2d: Diagnosable {}
extension ReplicationPad2d: Diagnosable {}
extension ConstantPad1d: Diagnosable {}

extension PixelShuffle: Diagnosable {
  /// The pixels of a block before the channels, as TensorFlow's `depth_to_space` has them.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let factor = factor
    guard input.rank == 4, factor > 1, input.shape[1] % (factor * factor) == 0 else { return [] }
    let channels = input.shape[1] / (factor * factor)
    guard channels > 1 else { return [] }
    return [
      Alternative(
        Cause(
          .pixelOrder,
          "the channels are (channel, row, column) here and (row, column, channel) in the reference",
          fix: .code("reorder the channels before \(path), as TensorFlow's depth_to_space has them")
        )
      ) { x in
        try x.reshaped([x.shape[0], factor * factor, channels, x.shape[2], x.shape[3]])
          .transposed(1, 2).reshaped(x.shape.dimensions).pixelShuffled(factor)
      }
    ]
  }
}

extension PixelUnshuffle: Diagnosable {
  /// The pixels of a block before the channels, as TensorFlow's `space_to_depth` has them.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let factor = factor
    guard input.rank == 4, factor > 1, input.shape[1] > 1 else { return [] }
    let channels = input.shape[1]
    return [
      Alternative(
        Cause(
          .pixelOrder,
          "the channels are (channel, row, column) here and (row, column, channel) in the reference",
          fix: .code("reorder the channels behind \(path), as TensorFlow's space_to_depth has them")
        )
      ) { x in
        let y = try x.pixelUnshuffled(factor)
        return try y.reshaped([y.shape[0], channels, factor * factor, y.shape[2], y.shape[3]])
          .transposed(1, 2).reshaped(y.shape.dimensions)
      }
    ]
  }
}

extension AdaptiveMaxPool2d: Diagnosable {
  /// The mean in place of the maximum.
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let size = outputSize
    return [
      Alternative(
        Cause(
          .poolingForm, "the maximum is taken here, the mean in the reference",
          fix: .code("take the mean in \(path)"))
      ) { try $0.adaptiveAveragePooled(to: size) }
    ]
  }
}
