import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  package func batchNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double,
    epilogue: Epilogue
  ) throws -> Tensor {
    let result =
      x.dtype == .float64
      ? try batchNorm(x, mean, variance, weight, bias, epsilon, Double.self)
      : try batchNorm(x, mean, variance, weight, bias, epsilon, Float.self)
    return try finish(result, epilogue)
  }

  private func batchNorm<S: PlainScalar>(
    _ x: Tensor, _ mean: Tensor, _ variance: Tensor, _ weight: Tensor?, _ bias: Tensor?,
    _ epsilon: Double, _: S.Type
  ) throws -> Tensor {
    let (centers, variances) = (try mean.elements(as: S.self), try variance.elements(as: S.self))
    let weights = try weight?.elements(as: S.self)
    let shifts = try bias?.elements(as: S.self)
    let scales = variances.indices.map {
      (weights?[$0] ?? 1) / (variances[$0] + S(epsilon)).squareRoot()
    }
    return try x.scaledByChannel(
      centers: centers, scales: scales, shifts: shifts ?? centers.map { _ in 0 })
  }

  package func layerNorm(
    _ x: Tensor, axes: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    x.dtype == .float64
      ? try layerNorm(x, axes, weight, bias, epsilon, Double.self)
      : try layerNorm(x, axes, weight, bias, epsilon, Float.self)
  }

  private func layerNorm<S: PlainScalar>(
    _ x: Tensor, _ axes: Int, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double, _: S.Type
  ) throws -> Tensor {
    let length = x.shape.suffix(axes).reduce(1, *)
    let source = try x.contiguous()
    let (weight, bias) = (try weight?.contiguous(), try bias?.contiguous())
    let epsilon = S(epsilon)
    return try Tensor(shape: x.shape) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress, length > 0 else { return }
      try source.withUnsafeElements { (input: UnsafePointer<S>) in
        try weight.withOptionalElements { (weight: UnsafePointer<S>?) in
          try bias.withOptionalElements { (bias: UnsafePointer<S>?) in
            Parallel.forRanges(x.elementCount / length, grain: max(1, 8192 / length)) { range in
              for row in range {
                let (from, to) = (input + row * length, output + row * length)
                let (mean, scale) = Moments.of(from, length, epsilon)
                if let weight, let bias {
                  for i in 0..<length { to[i] = (from[i] - mean) * scale * weight[i] + bias[i] }
                } else {
                  for i in 0..<length { to[i] = (from[i] - mean) * scale }
                  if let weight { for i in 0..<length { to[i] *= weight[i] } }
                  if let bias { for i in 0..<length { to[i] += bias[i] } }
                }
              }
            }
          }
        }
      }
    }
  }

  package func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
  ) throws -> Tensor {
    x.dtype == .float64
      ? try groupNorm(x, groups, weight, bias, epsilon, Double.self)
      : try groupNorm(x, groups, weight, bias, epsilon, Float.self)
  }

  private func groupNorm<S: PlainScalar>(
    _ x: Tensor, _ groups: Int, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double, _: S.Type
  ) throws -> Tensor {
    let (samples, channels) = (x.shape[0], x.shape[1])
    // One group is a whole sample, in whatever order its elements lie.
    let isInPlace = groups == 1 && x.isDense(x.preferredFormat)
    let source = isInPlace ? x : try x.contiguous()
    guard x.elementCount > 0 else { return source }
    let length = x.elementCount / (samples * groups)
    let epsilon = S(epsilon)
    let moments = try source.withUnsafeElements { (input: UnsafePointer<S>) in
      [(mean: S, scale: S)](unsafeUninitializedCapacity: samples * groups) { buffer, count in
        nonisolated(unsafe) let results = buffer
        Parallel.forEach(samples * groups) { run in
          results.initializeElement(at: run, to: Moments.of(input + run * length, length, epsilon))
        }
        count = samples * groups
      }
    }
    let weights = try weight?.elements(as: S.self)
    let shifts = try bias?.elements(as: S.self) ?? [S](repeating: 0, count: channels)
    let run = channels / groups
    let results = try (0..<samples).map { sample in
      let own = (0..<channels).map { moments[sample * groups + $0 / run] }
      return try source.narrowed(0, start: sample, length: 1).scaledByChannel(
        centers: own.map(\.mean),
        scales: own.indices.map { own[$0].scale * (weights?[$0] ?? 1) }, shifts: shifts)
    }
    let joined = samples == 1 ? results[0] : try Tensor.concatenated(results, axis: 0)
    return try joined.contiguous(x.preferredFormat)
  }
}

/// The mean of a run and 1/√(variance + epsilon), the variance biased.
enum Moments {
  /// Two passes: the mean, then the mean square of what is left, summed in blocks.
  @inline(__always)
  static func of<S: PlainScalar>(
    _ input: UnsafePointer<S>, _ count: Int, _ epsilon: S
  ) -> (mean: S, scale: S) {
    let mean = RowSums.sum(input, count) / S(count)
    let center = S.Vector(repeating: mean)
    let squares = RowSums.sum(count) {
      let difference = S.Vector(from: input + $0) - center
      return difference * difference
    } scalar: { (i: Int) -> S in
      let difference = input[i] - mean
      return difference * difference
    }
    return (mean, 1 / (squares / S(count) + epsilon).squareRoot())
  }
}

extension Tensor {
  /// (x − center)·scale + shift with one of each per channel (axis 1).
  func scaledByChannel<S: PlainScalar>(centers: [S], scales: [S], shifts: [S]) throws -> Tensor {
    let format = preferredFormat
    let source = try contiguous(format)
    let channels = shape[1]
    let cells = shape.dropFirst(2).reduce(1, *)
    let isChannelInner = format == .channelsLast || cells == 1
    return try centers.withUnsafeBufferPointer { centers in
      try scales.withUnsafeBufferPointer { scales in
        try shifts.withUnsafeBufferPointer { shifts in
          try Tensor(shape: shape, format: format) { (output: UnsafeMutableBufferPointer<S>) in
            guard let output = output.baseAddress, elementCount > 0 else { return }
            try source.withUnsafeElements { (input: UnsafePointer<S>) in
              let runs = isChannelInner ? shape[0] * cells : shape[0] * channels
              let length = elementCount / runs
              Parallel.forRanges(runs, grain: max(1, 16384 / length)) { range in
                for run in range {
                  let (from, to) = (input + run * length, output + run * length)
                  if isChannelInner {
                    for i in 0..<length {
                      to[i] = (from[i] - centers[i]) * scales[i] + shifts[i]
                    }
                  } else {
                    let channel = run % channels
                    let (center, scale, shift) = (
                      centers[channel], scales[channel], shifts[channel]
                    )
                    for i in 0..<length { to[i] = (from[i] - center) * scale + shift }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
