#if OneDNN
  import CVectors
  import WeighbridgeParallel

  /// A convolution of few channels: the library's fast kernels want whole vectors of them, and what it
  /// has for others copies every window.
  final class FewChannelsPlan: WeightedPlan {
    /// Whether convolutions take this form at all: not in a debug build, whose loops take longer than the
    /// library's.
    @TaskLocal static var isWanted = vectors_are_optimized()

    /// The weights are small, and lie as nothing else reads them.
    var packed: [PackedWeights] { [] }
    private let windows: vectors_windows
    /// [window height, window width, inputs, outputs up to whole vectors], then the bias.
    private let weights, bias: Tensor

    /// Whether this form is the faster one for a convolution.
    ///
    /// Measured on 20 layers of 1 to 16 channels and on vectors of 16 lanes: 1.0 to 1.7 times as fast as
    /// the library on one image. With several large ones the library divides them better, and this form
    /// is the faster one only where there is least to fill a vector with.
    static func suits(_ weight: Shape, _ geometry: ConvolutionGeometry, output: Shape) -> Bool {
      let (inputs, outputs) = (weight[1], weight[0])
      guard geometry.groups == 1, geometry.dilation == 1, weight[2] * weight[3] > 1,
        inputs <= 16, outputs <= 48, outputs % 16 != 0 || inputs == 1
      else { return false }
      return output[0] == 1 || output[2] * output[3] <= 600 || outputs <= 8
        || inputs == 1 && outputs <= 32
    }

    /// - Parameter weight: Row-major weights [outputs, inputs, window height, window width].
    init(
      _ weight: Tensor, bias: Tensor?, geometry: ConvolutionGeometry, input: Shape, output: Shape
    ) throws {
      let (outputs, inputs) = (weight.shape[0], weight.shape[1])
      let padded = (outputs + 15) / 16 * 16
      windows = vectors_windows(
        height: input[2], width: input[3], channels: inputs, window_height: weight.shape[2],
        window_width: weight.shape[3], step_down: geometry.stride.height,
        step_across: geometry.stride.width, top: geometry.padding.top,
        left: geometry.padding.left, result_height: output[2], result_width: output[3],
        result_channels: outputs, padded_channels: padded)
      weights = try Self.padded(weight.permuted([2, 3, 1, 0]), to: padded)
      self.bias = try Self.padded(
        bias ?? Tensor.zeros([outputs]), to: padded)
    }

    /// The last axis with zeros behind it.
    private static func padded(_ x: Tensor, to length: Int) throws -> Tensor {
      let (source, old) = (try x.contiguous(), x.shape[x.rank - 1])
      return try source.withUnsafeElements { (from: UnsafePointer<Float>) in
        try Tensor(shape: Shape(x.shape.dropLast() + [length])) {
          (to: UnsafeMutableBufferPointer<Float>) in
          for index in to.indices {
            let (row, column) = index.quotientAndRemainder(dividingBy: length)
            to[index] = column < old ? from[row * old + column] : 0
          }
        }
      }
    }

    /// The result's elements in channels-last order, rectified if wanted.
    ///
    /// - Parameters:
    ///   - source: Dense and channels-last.
    ///   - finish: Does to the elements what is left to do.
    func run(
      _ source: Tensor, rectifies: Bool, finish: (UnsafeMutablePointer<Float>) -> Void
    ) throws -> TensorStorage {
      let windows = windows
      let rows = source.shape[0] * windows.result_height
      let taps = windows.window_height * windows.window_width * windows.channels
      let work = max(1, windows.result_width * taps * windows.padded_channels / 16)
      return try TensorStorage(
        byteCount: rows * windows.result_width * windows.result_channels
          * MemoryLayout<Float>.stride
      ) { bytes in
        guard let result = bytes.bindMemory(to: Float.self).baseAddress else { return }
        try source.withUnsafeElements { (image: UnsafePointer<Float>) in
          try weights.withUnsafeElements { (weights: UnsafePointer<Float>) in
            try bias.withUnsafeElements { (bias: UnsafePointer<Float>) in
              nonisolated(unsafe) let (image, weights, bias, result) = (
                image, weights, bias, result
              )
              Parallel.forRanges(rows, grain: max(1, 20_000 / work)) { range in
                withUnsafePointer(to: windows) {
                  vectors_convolve_few_channels(
                    $0, image, weights, bias, rectifies, range.lowerBound, range.count, result)
                }
              }
            }
          }
        }
        finish(result)
      }
    }
  }
#endif
