#if OneDNN
  import CVectors
  import WeighbridgeParallel

  extension OneDNNEngine {
    package func activate(_ x: Tensor, _ activation: Activation) throws -> Tensor {
      let source = x.isPacked ? x : try x.contiguous(x.preferredFormat)
      var isDone = false
      let storage = try source.withUnsafeElements { (input: UnsafePointer<Float>) in
        try TensorStorage(byteCount: x.byteCount) { bytes in
          guard let output = bytes.bindMemory(to: Float.self).baseAddress else { return }
          isDone = activation.applyInParallel(input, to: output, count: x.elementCount)
        }
      }
      guard isDone else { return try plain.activate(x, activation) }
      RunLog.note(.init(.vector))
      return Tensor(
        dtype: .float32, shape: x.shape, strides: source.strides, offset: 0, storage: storage)
    }

    package func softmax(_ x: Tensor, axis: Int, logarithm: Bool) throws -> Tensor {
      let length = x.shape[axis]
      guard !logarithm, axis == x.rank - 1, x.isContiguous, x.elementCount > 0 else {
        return try plain.softmax(x, axis: axis, logarithm: logarithm)
      }
      RunLog.note(.init(.vector))
      return try Tensor(shape: x.shape) { (output: UnsafeMutableBufferPointer<Float>) in
        try x.withUnsafeElements { (input: UnsafePointer<Float>) in
          guard let output = output.baseAddress else { return }
          nonisolated(unsafe) let (from, to) = (input, output)
          Parallel.forRanges(x.elementCount / length, grain: max(1, 4096 / length)) { rows in
            let start = rows.lowerBound * length
            (to + start).update(from: from + start, count: rows.count * length)
            vectors_softmax(to + start, length, rows.count, length, false)
          }
        }
      }
    }

    /// One pass over channels-last images, in vectors; others go the plain way.
    package func scaleChannels(
      _ x: Tensor, by scale: Tensor, epilogue: Epilogue
    ) throws -> Tensor {
      let rectifies = epilogue.activation == .relu
      if let activation = epilogue.activation, !rectifies {
        let scaled = try scaleChannels(
          x, by: scale, epilogue: Epilogue(residual: epilogue.residual))
        return try activate(scaled, activation)
      }
      guard x.rank == 4, x.isDense(.channelsLast), x.elementCount > 0 else {
        return try plain.scaleChannels(x, by: scale, epilogue: epilogue)
      }
      RunLog.note(.init(.vector))
      let factors = try scale.contiguous()
      let residual = try epilogue.residual.map { try $0.contiguous(.channelsLast) }
      let (channels, cells) = (x.shape[1], x.shape[2] * x.shape[3])
      let runs = x.shape[0] * cells
      return try Tensor(shape: x.shape, format: .channelsLast) {
        (output: UnsafeMutableBufferPointer<Float>) in
        try x.withUnsafeElements { (input: UnsafePointer<Float>) in
          try factors.withUnsafeElements { (factors: UnsafePointer<Float>) in
            try residual.withOptionalElements { (residual: UnsafePointer<Float>?) in
              guard let output = output.baseAddress else { return }
              nonisolated(unsafe) let (x, gate, addend, y) = (input, factors, residual, output)
              Parallel.forRanges(runs, grain: max(1, 16384 / channels)) { range in
                for run in range {
                  let (start, sample) = (run * channels, run / cells)
                  GatedRun(
                    x: x + start, gate: gate + sample * channels, addend: addend.map { $0 + start },
                    y: y + start, count: channels
                  ).run(rectifies: rectifies)
                }
              }
            }
          }
        }
      }
    }
  }

  /// The channels of one cell: y = x·gate [+ addend], rectified or not.
  private struct GatedRun {
    let x: UnsafePointer<Float>
    let gate: UnsafePointer<Float>
    let addend: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>
    let count: Int

    @inline(__always)
    func run(rectifies: Bool) {
      switch (addend, rectifies) {
      case (let addend?, true): run { max0(x[$0] * gate[$0] + addend[$0]) }
      case (let addend?, false): run { x[$0] * gate[$0] + addend[$0] }
      case (nil, true): run { max0(x[$0] * gate[$0]) }
      case (nil, false): run { x[$0] * gate[$0] }
      }
    }

    @inline(__always)
    private func run(_ value: (Int) -> Float) {
      for i in 0..<count { y[i] = value(i) }
    }

    /// max(x, 0), and NaN for NaN.
    @inline(__always)
    private func max0(_ x: Float) -> Float { x < 0 ? 0 : x }
  }
#endif
