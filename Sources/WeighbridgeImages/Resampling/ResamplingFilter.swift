/// How a picture's size is changed.
public enum ResamplingFilter: String, Sendable, Hashable, CaseIterable {
  /// One pixel for each, none mixed.
  case nearest
  /// A triangle, which reaches one pixel to each side.
  case bilinear
  /// Keys' cubic, which reaches two pixels to each side.
  case bicubic

  /// How far the filter reaches, in pixels of the finer of both grids.
  var support: Double { self == .bicubic ? 2 : 1 }

  /// The filter's value: a triangle, or Keys' cubic with a = −1/2, as Pillow and PyTorch's antialiased
  /// interpolation have them.
  func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    guard self == .bicubic else { return x < 1 ? 1 - x : 0 }
    let a = -0.5
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
  }
}

/// Which inputs make each output along one axis, and with what weights.
struct ResamplingWindows<Weight: Sendable>: Sendable {
  /// The first input, for each output.
  var starts: [Int] = []
  /// The weights, for each output.
  var weights: [[Weight]] = []
}
