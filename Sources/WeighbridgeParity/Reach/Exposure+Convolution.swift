import WeighbridgeModules

extension Exposure {
  /// A kernel's position sees of a channel what lies under it wherever the window stands; in small
  /// images that may be padding alone.
  static func convolution(_ layer: Conv2d, _ x: Tensor) throws -> [String: Exposure]? {
    let geometry = layer.geometry
    guard let shape = try? geometry.outputShape(input: x.shape, weight: layer.weight.shape) else {
      return nil
    }
    let taps = Taps(layer, input: x.shape, output: shape)
    let (images, channels) = (x.shape[0], x.shape[1])
    let plane = x.shape[2] * x.shape[3]
    let found = try x.withUnsafeElements { (data: UnsafePointer<Float>) in
      var shown = [Bool](repeating: false, count: channels * taps.count)
      var pending = Array(0..<channels)
      for image in 0..<images where !pending.isEmpty {
        pending.removeAll { channel in
          let start = data + (image * channels + channel) * plane
          guard (0..<plane).contains(where: { start[$0] != 0 }) else { return false }
          var isComplete = true
          for tap in 0..<taps.count where !shown[channel * taps.count + tap] {
            let isShown = taps.meets(tap, start)
            shown[channel * taps.count + tap] = isShown
            isComplete = isComplete && isShown
          }
          return isComplete
        }
      }
      return (shown: shown, energy: Nudge.energy(data, x.elementCount))
    }
    // Where windows leave no gaps, every value counts once at least.
    let (kernel, stride) = (layer.weight.shape, geometry.stride)
    let hasGaps = stride.height > kernel[2] || stride.width > kernel[3]
    let outputs = Double(images * shape[2] * shape[3] * geometry.groups)
    var result = [
      "weight": Exposure(
        grouping: .kernel(height: kernel[2], width: kernel[3]), shown: found.shown,
        groupSize: kernel[0] / geometry.groups,
        gain: hasGaps ? 0 : (found.energy / outputs).squareRoot())
    ]
    if let bias = layer.bias {
      result["bias"] = Exposure(
        grouping: .channels(.neverAdded),
        shown: [Bool](repeating: true, count: bias.elementCount), groupSize: 1, gain: 1)
    }
    return result
  }

  /// The positions of a kernel, and what of an image each of them meets.
  private struct Taps {
    let rows: [StrideTo<Int>]
    let columns: [StrideTo<Int>]
    let width: Int

    init(_ layer: Conv2d, input: Shape, output: Shape) {
      let (kernel, geometry) = (layer.weight.shape, layer.geometry)
      width = input[3]
      rows = (0..<kernel[2]).map {
        Taps.met(
          $0 * geometry.dilation.height - geometry.padding.top, geometry.stride.height,
          windows: output[2], extent: input[2])
      }
      columns = (0..<kernel[3]).map {
        Taps.met(
          $0 * geometry.dilation.width - geometry.padding.left, geometry.stride.width,
          windows: output[3], extent: input[3])
      }
    }

    var count: Int { rows.count * columns.count }

    /// The indices in the image that a position meets as the window moves.
    private static func met(
      _ first: Int, _ step: Int, windows: Int, extent: Int
    ) -> StrideTo<Int> {
      let start = first >= 0 ? first : first + (-first + step - 1) / step * step
      return stride(from: start, to: min(extent, first + windows * step), by: step)
    }

    /// Whether a position meets anything but zeros in a plane.
    func meets(_ tap: Int, _ plane: UnsafePointer<Float>) -> Bool {
      let (rows, columns) = (rows[tap / columns.count], columns[tap % columns.count])
      return rows.contains { row in columns.contains { plane[row * width + $0] != 0 } }
    }
  }
}
