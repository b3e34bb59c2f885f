import WeighbridgeParallel
import WeighbridgeTensors

extension PlainEngine {
  /// Residual encoding of x [B, N, C] against codewords [K, C]: the one kernel of every dtype.
  package func encode(_ x: Tensor, codewords: Tensor, scale: Tensor) throws -> Tensor {
    x.dtype == .float64
      ? try encode(x, codewords, scale, Double.self) : try encode(x, codewords, scale, Float.self)
  }

  private func encode<S: PlainScalar>(
    _ x: Tensor, _ codewords: Tensor, _ scale: Tensor, _: S.Type
  ) throws -> Tensor {
    let problem = EncodingProblem(
      batch: x.shape[0], length: x.shape[1], codes: codewords.shape[0], channels: x.shape[2])
    let (x, codewords) = (try x.contiguous(), try codewords.contiguous())
    let scale = try scale.contiguous()
    return try codewords.withUnsafeElements { (codes: UnsafePointer<S>) in
      try x.withUnsafeElements { (x: UnsafePointer<S>) in
        let assignment = try scale.withUnsafeElements { (scale: UnsafePointer<S>) in
          try problem.assignment(x, codes, scale)
        }
        return try assignment.withUnsafeElements { (weights: UnsafePointer<S>) in
          try problem.residuals(x, codes, weights)
        }
      }
    }
  }
}

/// The extents of one encoding, and its two steps over packed arrays.
private struct EncodingProblem: Sendable {
  let batch, length, codes, channels: Int

  /// a [B, N, K]: softmax over k of scale[k]·‖x[n] − c[k]‖².
  func assignment<S: PlainScalar>(
    _ x: UnsafePointer<S>, _ codewords: UnsafePointer<S>, _ scale: UnsafePointer<S>
  ) throws -> Tensor {
    try Tensor(shape: [batch, length, codes]) { (output: UnsafeMutableBufferPointer<S>) in
      guard let output = output.baseAddress else { return }
      let work = max(1, codes * channels)
      Parallel.forRanges(batch * length, grain: max(1, 16384 / work)) { rows in
        for row in rows {
          let (point, target) = (x + row * channels, output + row * codes)
          for k in 0..<codes {
            target[k] = scale[k] * distance(point, codewords + k * channels)
          }
          PlainEngine.softmaxRow(target, target, codes)
        }
      }
    }
  }

  /// ‖x − c‖².
  @inline(__always)
  private func distance<S: PlainScalar>(_ x: UnsafePointer<S>, _ c: UnsafePointer<S>) -> S {
    RowSums.sum(channels) { i in
      let difference = S.Vector(from: x + i) - S.Vector(from: c + i)
      return difference * difference
    } scalar: { i in
      let difference = x[i] - c[i]
      return difference * difference
    }
  }

  /// [B, K, C]: Σ_n a[n, k]·(x[n] − c[k]), in blocks of points that are summed for themselves
  /// before they join the total, so that rounding grows with the number of blocks only.
  func residuals<S: PlainScalar>(
    _ x: UnsafePointer<S>, _ codewords: UnsafePointer<S>, _ weights: UnsafePointer<S>
  ) throws -> Tensor {
    try Tensor(shape: [batch, codes, channels]) { (output: UnsafeMutableBufferPointer<S>) in
      output.initialize(repeating: 0)
      guard let output = output.baseAddress, channels > 0 else { return }
      let tiles = (codes + Self.tile - 1) / Self.tile
      let work = max(1, length * Self.tile * channels)
      Parallel.forRanges(batch * tiles, grain: max(1, 16384 / work)) { indices in
        for index in indices {
          let (image, first) = (index / tiles, index % tiles * Self.tile)
          let points = x + image * length * channels
          let shares = weights + image * length * codes
          let target = output + image * codes * channels
          if first + Self.tile <= codes {
            addTile(first, points, codewords, shares, target)
          } else {
            for k in first..<codes { addCode(k, points, codewords, shares, target) }
          }
        }
      }
    }
  }

  private static var tile: Int { 4 }
  /// Points that are summed in registers before they join the total.
  private static var block: Int { 64 }

  /// The residuals of four neighbouring codewords, which share the loads of the points.
  private func addTile<S: PlainScalar>(
    _ k: Int, _ x: UnsafePointer<S>, _ codewords: UnsafePointer<S>, _ weights: UnsafePointer<S>,
    _ output: UnsafeMutablePointer<S>
  ) {
    let width = S.Vector.width
    let whole = channels / width * width
    for start in stride(from: 0, to: length, by: Self.block) {
      let points = start..<min(length, start + Self.block)
      for i in stride(from: 0, to: whole, by: width) {
        let code = codewords + k * channels + i
        let (c0, c1) = (S.Vector(from: code), S.Vector(from: code + channels))
        let (c2, c3) = (
          S.Vector(from: code + 2 * channels), S.Vector(from: code + 3 * channels)
        )
        var (s0, s1) = (S.Vector.zero, S.Vector.zero)
        var (s2, s3) = (S.Vector.zero, S.Vector.zero)
        for n in points {
          let point = S.Vector(from: x + n * channels + i)
          let share = weights + n * codes + k
          s0 += share[0] * (point - c0)
          s1 += share[1] * (point - c1)
          s2 += share[2] * (point - c2)
          s3 += share[3] * (point - c3)
        }
        let target = output + k * channels + i
        for (row, sum) in [s0, s1, s2, s3].enumerated() {
          let address = target + row * channels
          (S.Vector(from: address) + sum).store(to: address)
        }
      }
      for row in k..<(k + Self.tile) {
        addScalars(row, from: whole, points, x, codewords, weights, output)
      }
    }
  }

  private func addCode<S: PlainScalar>(
    _ k: Int, _ x: UnsafePointer<S>, _ codewords: UnsafePointer<S>, _ weights: UnsafePointer<S>,
    _ output: UnsafeMutablePointer<S>
  ) {
    for start in stride(from: 0, to: length, by: Self.block) {
      let points = start..<min(length, start + Self.block)
      addScalars(k, from: 0, points, x, codewords, weights, output)
    }
  }

  /// One block of points for the channels of codeword `k` from `first` on, one by one.
  private func addScalars<S: PlainScalar>(
    _ k: Int, from first: Int, _ points: Range<Int>, _ x: UnsafePointer<S>,
    _ codewords: UnsafePointer<S>, _ weights: UnsafePointer<S>, _ output: UnsafeMutablePointer<S>
  ) {
    for i in first..<max(first, channels) {
      let code = codewords[k * channels + i]
      var sum: S = 0
      for n in points { sum += weights[n * codes + k] * (x[n * channels + i] - code) }
      output[k * channels + i] += sum
    }
  }
}
