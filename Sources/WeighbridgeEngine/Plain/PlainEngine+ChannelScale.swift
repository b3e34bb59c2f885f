import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  /// One pass where the activation is none or ReLU, as in squeeze-and-excitation blocks.
  package func scaleChannels(
    _ x: Tensor, by scale: Tensor, epilogue: Epilogue
  ) throws -> Tensor {
    switch epilogue.activation {
    case nil, .relu:
      return x.dtype == .float64
        ? try scaleChannels(x, scale, epilogue, Double.self)
        : try scaleChannels(x, scale, epilogue, Float.self)
    default:
      return try finish(binary(.multiply, x, scale, output: x.shape), epilogue)
    }
  }

  private func scaleChannels<S: PlainScalar>(
    _ x: Tensor, _ scale: Tensor, _ epilogue: Epilogue, _: S.Type
  ) throws -> Tensor {
    let format = x.preferredFormat
    let source = try x.contiguous(format)
    let residual = try epilogue.residual?.contiguous(format)
    let scale = try scale.contiguous()
    let channels = x.shape[1]
    let cells = x.shape.dropFirst(2).reduce(1, *)
    return try Tensor(shape: x.shape, format: format) {
      (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, x.elementCount > 0 else { return }
      try source.withUnsafeElements { (values: UnsafePointer<S>) in
        try scale.withUnsafeElements { (factors: UnsafePointer<S>) in
          try residual.withOptionalElements { (residual: UnsafePointer<S>?) in
            let gate = ChannelGate(
              values: values, factors: factors, residual: residual, output: output,
              channels: channels, cells: cells,
              isChannelInner: format == .channelsLast || cells == 1)
            if epilogue.activation == .relu {
              gate.run(x.shape[0], ReLU<S>())
            } else {
              gate.run(x.shape[0], Identity<S>())
            }
          }
        }
      }
    }
  }
}

/// activation(value·factor + residual), one factor per channel of each sample.
private struct ChannelGate<S: PlainScalar> {
  let values: UnsafePointer<S>
  let factors: UnsafePointer<S>
  let residual: UnsafePointer<S>?
  let output: UnsafeMutablePointer<S>
  let channels: Int
  let cells: Int
  /// Whether a run in memory holds the channels of a cell, else the cells of a channel.
  let isChannelInner: Bool

  func run<Function: ElementFunction>(_ samples: Int, _ activation: Function)
  where Function.Scalar == S {
    let (runs, length) =
      isChannelInner ? (samples * cells, channels) : (samples * channels, cells)
    Parallel.forRanges(runs, grain: max(1, 32768 / length)) { range in
      for run in range {
        let start = run * length
        if isChannelInner {
          apply(start, factors + run / cells * channels, length, activation)
        } else {
          apply(start, factors[run], length, activation)
        }
      }
    }
  }

  @inline(__always)
  private func apply<Function: ElementFunction>(
    _ start: Int, _ factors: UnsafePointer<S>, _ count: Int, _ activation: Function
  ) where Function.Scalar == S {
    let (from, to) = (values + start, output + start)
    if let added = residual.map({ $0 + start }) {
      for i in 0..<count { to[i] = activation(from[i] * factors[i] + added[i]) }
    } else {
      for i in 0..<count { to[i] = activation(from[i] * factors[i]) }
    }
  }

  @inline(__always)
  private func apply<Function: ElementFunction>(
    _ start: Int, _ factor: S, _ count: Int, _ activation: Function
  ) where Function.Scalar == S {
    let (from, to) = (values + start, output + start)
    if let added = residual.map({ $0 + start }) {
      for i in 0..<count { to[i] = activation(from[i] * factor + added[i]) }
    } else {
      for i in 0..<count { to[i] = activation(from[i] * factor) }
    }
  }
}

private struct Identity<S: PlainScalar>: ElementFunction {
  @inline(__always) func callAsFunction(_ x: S) -> S { x }
}
