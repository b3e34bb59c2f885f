import WeighbridgeModules

/// The ways in which `torch.nn.functional.interpolate` makes an image larger.
enum KnownInterpolation: CaseIterable, Sendable {
  case nearest, bilinear, bilinearAlignedCorners, bicubic, bicubicAlignedCorners

  var words: String {
    switch self {
    case .nearest: "interpolation by the nearest pixel"
    case .bilinear: "bilinear interpolation with align_corners false"
    case .bilinearAlignedCorners: "bilinear interpolation with align_corners true"
    case .bicubic: "bicubic interpolation with align_corners false"
    case .bicubicAlignedCorners: "bicubic interpolation with align_corners true"
    }
  }

  private var alignsCorners: Bool {
    self == .bilinearAlignedCorners || self == .bicubicAlignedCorners
  }

  /// Images [N, C, H, W] in another size.
  ///
  /// - Throws: `shape` when `x` has another number of axes.
  func resized(_ x: Tensor, to size: Pair<Int>) throws -> Tensor {
    guard x.rank == 4 else { throw WeighbridgeError(.shape, "\(x.shape) is no image") }
    let rows = try Tensor(weights(x.shape[2], size.height), shape: [size.height, x.shape[2]])
    let columns = try Tensor(weights(x.shape[3], size.width), shape: [size.width, x.shape[3]])
    let wide = try x.converted(to: .float64)
    return try rows.matmul(wide).matmul(columns.transposed()).converted(to: x.dtype)
  }

  /// How much each of `count` inputs counts for each of `wanted` outputs, output by output.
  ///
  /// PyTorch's positions: with aligned corners i·(n − 1)/(m − 1), else (i + ½)·n/m − ½; bilinear ones
  /// are held at 0, cubic ones read beyond the edge what is at the edge. The cubic kernel has a = −¾.
  func weights(_ count: Int, _ wanted: Int) -> [Double] {
    var result = [Double](repeating: 0, count: max(0, wanted) * count)
    guard count > 0 else { return result }
    for place in 0..<max(0, wanted) {
      func add(_ index: Int, _ weight: Double) {
        result[place * count + min(max(index, 0), count - 1)] += weight
      }
      if self == .nearest {
        add(place * count / wanted, 1)
        continue
      }
      let position =
        alignsCorners
        ? (wanted > 1 ? Double(place * (count - 1)) / Double(wanted - 1) : 0)
        : (Double(place) + 0.5) * Double(count) / Double(wanted) - 0.5
      if self == .bilinear || self == .bilinearAlignedCorners {
        let low = Int(max(0, position))
        let share = max(0, position) - Double(low)
        add(low, 1 - share)
        add(low + 1, share)
      } else {
        let low = Int(position.rounded(.down))
        for offset in -1...2 {
          add(low + offset, Self.cubic(abs(position - Double(low + offset))))
        }
      }
    }
    return result
  }

  /// Keys's kernel with a = −¾ at a distance.
  private static func cubic(_ distance: Double) -> Double {
    let (a, t) = (-0.75, distance)
    if t <= 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
    return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0
  }
}
