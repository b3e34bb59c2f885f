#if OneDNN
  import CVectors
  import Synchronization
  import WeighbridgeParallel

  /// A convolution by windows of 3×3 cells in Winograd's form F(4×4, 3×3): 36 products for each 4×4
  /// cells of the result where the sum over the windows takes 144.
  ///
  /// Tiles of the image become 36 matrices, which the library multiplies with 36 matrices of weights;
  /// the products become tiles of the result. A few tiles at a time do all three, so that they stay
  /// in the cache. (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
  /// arXiv:1509.09308.)
  final class WinogradPlan: WeightedPlan {
    /// Whether convolutions take this form at all: not in a debug build, whose transforms take longer than
    /// the library's own form.
    @TaskLocal static var isWanted = vectors_are_optimized()

    let packed: [PackedWeights]
    private let tiling: Tiling
    private let bias: Tensor?
    /// Products of a whole slice of tiles, and of the last one where it is smaller.
    private let whole, last: CompiledPrimitive

    private static let planes = 36

    /// Which tiles there are.
    struct Tiling: Sendable {
      let shape: vectors_tiling
      let tiles: Int
      /// How many tiles are computed at a time.
      let slice: Int

      /// The tiling of a convolution, if this form is the faster one for it.
      ///
      /// It reads four times as many weights, so that it takes some tiles to be worth it, and the
      /// transforms are a matter of cells and channels where the products are one of channels by
      /// channels. Measured on vectors of 16 lanes: from 1.6 (32 channels) to 3 times as fast.
      init?(_ weight: LayerWeight, geometry: ConvolutionGeometry, input: Shape, output: Shape) {
        let (inputs, outputs) = (weight.shape[1], weight.shape[0])
        guard geometry.groups == 1, geometry.stride == 1, geometry.dilation == 1,
          weight.shape[2] == 3, weight.shape[3] == 3, inputs >= 32, outputs >= 32,
          inputs % 16 == 0, outputs % 16 == 0, !weight.keptDType.isHalfPrecision
        else { return nil }
        let cells = output[0] * output[2] * output[3]
        tiles = output[0] * ((output[2] + 3) / 4) * ((output[3] + 3) / 4)
        guard tiles >= 16, tiles * 36 * 3 <= cells * 9 * 2 else { return nil }
        shape = vectors_tiling(
          height: input[2], width: input[3], channels: inputs, top: geometry.padding.top,
          left: geometry.padding.left, result_height: output[2], result_width: output[3],
          result_channels: outputs)
        let bytes = WinogradPlan.planes * (inputs + outputs) * MemoryLayout<Float>.stride
        let most = min(192, max(48, (12 << 20) / bytes))
        let slices = (tiles + most - 1) / most
        slice = (tiles + slices - 1) / slices
      }

      var lastSlice: Int { tiles - (tiles - 1) / slice * slice }
    }

    /// - Parameters:
    ///   - packed: Packed forms that exist already; one of them is used if it fits.
    ///   - weight: Gives the row-major weights [outputs, inputs, 3, 3].
    init(
      _ tiling: Tiling, bias: Tensor?, packed: [PackedWeights], _ weight: () throws -> Tensor
    ) throws {
      self.tiling = tiling
      self.bias = try bias?.contiguous().aligned()
      let (inputs, outputs) = (tiling.shape.channels, tiling.shape.result_channels)
      let matrices = [Self.planes, inputs, outputs]
      let library = try OneDNNLibrary.shared()
      func product(of tiles: Int) throws -> CompiledPrimitive {
        CompiledPrimitive(
          try library.matmul(
            MemoryDescription(contiguous: [Self.planes, tiles, inputs]),
            MemoryDescription(matrices, strides: nil), bias: nil,
            destination: MemoryDescription(contiguous: [Self.planes, tiles, outputs]),
            post: PostOperations()))
      }
      whole = try product(of: tiling.slice)
      last = tiling.lastSlice == tiling.slice ? whole : try product(of: tiling.lastSlice)
      var (known, used) = (packed, [PackedWeights]())
      var transformed: Tensor?
      for primitive in [whole, last] {
        let wanted = primitive.description(at: 1)
        if let fitting = known.first(where: { $0.description.isEqual(to: wanted) }) {
          used.append(fitting)
          continue
        }
        let values = try transformed ?? Self.transformed(weight(), inputs, outputs)
        transformed = values
        let made = try PackedWeights(
          values, plain: MemoryDescription(contiguous: matrices), as: wanted, keptAs: .float32)
        known.append(made)
        used.append(made)
      }
      self.packed = used
    }

    /// The weights' 36 matrices [inputs, outputs].
    private static func transformed(
      _ weight: Tensor, _ inputs: Int, _ outputs: Int
    ) throws -> Tensor {
      try Tensor(shape: [planes, inputs, outputs]) { (to: UnsafeMutableBufferPointer<Float>) in
        guard let to = to.baseAddress else { return }
        try weight.withUnsafeElements { (from: UnsafePointer<Float>) in
          nonisolated(unsafe) let (from, to) = (from, to)
          Parallel.forRanges(inputs) { range in
            vectors_tiles_of_weights(
              from, inputs, outputs, range.lowerBound, range.upperBound, to)
          }
        }
      }
    }

    /// The result's elements in channels-last order, plus the residual, rectified if wanted; `nil` if
    /// a value of them is not finite: a tile's cells share what is not.
    ///
    /// - Parameters:
    ///   - source: Dense, channels-last, as is the residual.
    ///   - finish: Does to the elements what is left to do.
    func run(
      _ source: Tensor, residual: Tensor?, rectifies: Bool,
      finish: (UnsafeMutablePointer<Float>) -> Void
    ) throws -> TensorStorage? {
      let shape = tiling.shape
      let cells = shape.result_height * shape.result_width * source.shape[0]
      let isFinite = Atomic(true)
      let storage = try TensorStorage(
        byteCount: cells * shape.result_channels * MemoryLayout<Float>.stride
      ) { bytes in
        guard let result = bytes.bindMemory(to: Float.self).baseAddress else { return }
        try source.withUnsafeElements { (image: UnsafePointer<Float>) in
          try bias.withOptionalElements { (bias: UnsafePointer<Float>?) in
            try residual.withOptionalElements { (residual: UnsafePointer<Float>?) in
              let ends = Ends(
                image: image, bias: bias, residual: residual, rectifies: rectifies, result: result)
              for first in stride(from: 0, to: tiling.tiles, by: tiling.slice)
              where isFinite.load(ordering: .relaxed) {
                try compute(first, ends, isFinite)
              }
            }
          }
        }
        if isFinite.load(ordering: .relaxed) { finish(result) }
      }
      return isFinite.load(ordering: .relaxed) ? storage : nil
    }

    /// Where a call reads and writes.
    private struct Ends {
      let image: UnsafePointer<Float>
      let bias, residual: UnsafePointer<Float>?
      let rectifies: Bool
      let result: UnsafeMutablePointer<Float>
    }

    /// The slice of tiles from `first` on.
    private func compute(_ first: Int, _ ends: Ends, _ isFinite: borrowing Atomic<Bool>) throws {
      let count = min(tiling.slice, tiling.tiles - first)
      let (inputs, outputs) = (tiling.shape.channels, tiling.shape.result_channels)
      let elements = Self.planes * count * (inputs + outputs)
      let isLast = count != tiling.slice
      _ = try TensorStorage(byteCount: elements * MemoryLayout<Float>.stride) { bytes in
        guard let tiles = bytes.bindMemory(to: Float.self).baseAddress else { return }
        nonisolated(unsafe) let (from, products) = (tiles, tiles + Self.planes * count * inputs)
        nonisolated(unsafe) let ends = ends
        let shape = tiling.shape
        Parallel.forRanges(count) { range in
          withUnsafePointer(to: shape) {
            vectors_tiles_of_image(
              $0, ends.image, first + range.lowerBound, range.count,
              from + range.lowerBound * inputs, count * inputs)
          }
        }
        try packed[isLast ? 1 : 0].withElements { weights in
          try (isLast ? last : whole).run { arguments in
            arguments[0] = UnsafeRawPointer(from)
            arguments[1] = weights
            arguments[2] = UnsafeRawPointer(products)
          }
        }
        Parallel.forRanges(count) { range in
          let areFinite = withUnsafePointer(to: shape) {
            vectors_image_of_tiles(
              $0, products + range.lowerBound * outputs, count * outputs,
              first + range.lowerBound, range.count, ends.bias, ends.residual, ends.rectifies,
              ends.result)
          }
          if !areFinite { isFinite.store(false, ordering: .relaxed) }
        }
      }
    }
  }
#endif
