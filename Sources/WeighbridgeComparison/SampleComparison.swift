import WeighbridgeModules
import WeighbridgeParallel
import WeighbridgeReferences

extension Comparison {
  /// The figures of `got` against what is recorded of it.
  ///
  /// - Throws: `shape` when the shapes differ.
  package static func figures(
    _ got: Tensor, _ recorded: RecordedActivation, tolerance: ElementwiseTolerance? = nil
  ) throws -> Figures {
    switch recorded {
    case .whole(let tensor): try figures(got, tensor, tolerance: tolerance)
    case .sampled(let samples): try figures(got, samples, tolerance: tolerance)
    }
  }

  /// The figures of `got` against samples of the reference: those of the sampled elements, and how
  /// far the means are that the recorded sums give.
  ///
  /// - Throws: `shape` when `got` has another shape than the sampled activation.
  package static func figures(
    _ got: Tensor, _ samples: RecordedSamples, tolerance: ElementwiseTolerance? = nil
  ) throws -> Figures {
    guard got.shape == samples.shape else {
      throw WeighbridgeError(
        .shape, "the shapes differ: \(got.shape) here, \(samples.shape) in the reference")
    }
    let packed = try got.contiguous(.contiguous)
    var figures = try figures(
      gathered(packed, samples.indices), samples.values, tolerance: tolerance)
    if let worst = figures.worst, let place = worst.index.first {
      figures.worst?.index = index(samples.indices[place], in: samples.shape)
    }
    figures.means = try means(packed, samples, tolerance)
    return figures
  }

  /// The elements at the sampled indices, in a tensor of one axis.
  package static func gathered(_ packed: Tensor, _ indices: SampleIndices) throws -> Tensor {
    let size = packed.dtype.byteCount
    let storage = try TensorStorage(byteCount: indices.taken * size) { target in
      guard let base = target.baseAddress else { return }
      try packed.withRawElements { source in
        for i in 0..<indices.taken {
          (base + i * size).copyMemory(from: source + indices[i] * size, byteCount: size)
        }
      }
    }
    return try Tensor(dtype: packed.dtype, shape: [indices.taken], storage: storage)
  }

  /// Compares the means over the axes that were summed over.
  private static func means(
    _ packed: Tensor, _ samples: RecordedSamples, _ tolerance: ElementwiseTolerance?
  ) throws -> Figures.Means {
    let recorded = try samples.sums.elements(as: Double.self)
    let inner = packed.elementCount / max(1, recorded.count)
    let got = try sums(packed, groups: recorded.count, of: inner)
    var means = Figures.Means()
    means.count = recorded.count
    for (group, sum) in recorded.enumerated() {
      let (ours, size) = got[group]
      if sum.isNaN { means.referenceNaN += 1 }
      guard ours.isFinite && sum.isFinite else {
        if !(ours == sum || (ours.isNaN && sum.isNaN)) { means.mismatched += 1 }
        continue
      }
      let error = abs(ours - sum) / Double(inner)
      if error > means.largest || means.worst.isEmpty {
        means.largest = error
        means.worst = index(group, in: samples.sums.shape)
      }
      if let tolerance, error > 0 {
        let allowed = tolerance.absolute + tolerance.relative * size / Double(inner)
        means.elementwiseRatio = max(means.elementwiseRatio, error / allowed)
      }
    }
    return means
  }

  /// For each of `groups` runs of `inner` packed elements, the sum and the sum of magnitudes.
  private static func sums(
    _ packed: Tensor, groups: Int, of inner: Int
  ) throws -> [(sum: Double, size: Double)] {
    try packed.withRawElements { sums(BlockLoader($0, packed.dtype), groups: groups, of: inner) }
  }

  private static func sums(
    _ loader: BlockLoader, groups: Int, of inner: Int
  ) -> [(sum: Double, size: Double)] {
    let block = 2048
    return [(sum: Double, size: Double)](unsafeUninitializedCapacity: groups) { target, count in
      guard let base = target.baseAddress else { return }
      Parallel.forRanges(groups, grain: max(1, (1 << 15) / max(1, inner))) { range in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: block) { scratch in
          guard let values = scratch.baseAddress else { return }
          for group in range {
            var (sum, size) = (0.0, 0.0)
            var start = 0
            while start < inner {
              let taken = min(block, inner - start)
              loader.load(group * inner + start, taken, into: values)
              for i in 0..<taken {
                sum += values[i]
                size += abs(values[i])
              }
              start += taken
            }
            (base + group).initialize(to: (sum, size))
          }
        }
      }
      count = groups
    }
  }

  /// The index on every axis of an element by its row-major position.
  package static func index(_ position: Int, in shape: Shape) -> [Int] {
    Accumulator.Spot(position: position, got: 0, reference: 0).element(in: shape).index
  }
}
