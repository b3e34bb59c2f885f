/// A pair of values for the vertical and the horizontal axis of an image.
public struct Pair<Value: Sendable & Hashable>: Sendable, Hashable {
  /// The vertical value, PyTorch's first.
  public var height: Value
  /// The horizontal value, PyTorch's second.
  public var width: Value

  /// In PyTorch's order, `(h, w)`.
  public init(_ height: Value, _ width: Value) {
    self.height = height
    self.width = width
  }

  /// The same value for both axes, as PyTorch's single number.
  public init(_ both: Value) {
    self.init(both, both)
  }
}

extension Pair: ExpressibleByIntegerLiteral where Value == Int {
  /// The same number for both axes: `kernel: 3`.
  public init(integerLiteral value: Int) {
    self.init(value, value)
  }
}

/// Zeros (for maximum pooling −∞) around an image, each side for itself.
public struct Padding: Sendable, Hashable, ExpressibleByIntegerLiteral {
  /// Rows above the image.
  public var top: Int
  /// Rows below the image.
  public var bottom: Int
  /// Columns left of the image.
  public var left: Int
  /// Columns right of the image.
  public var right: Int

  /// In pixels, each side for itself: PyTorch needs a padding module for that.
  public init(top: Int, bottom: Int, left: Int, right: Int) {
    (self.top, self.bottom, self.left, self.right) = (top, bottom, left, right)
  }

  /// The same above and below, and the same left and right, as PyTorch's `padding=(h, w)`.
  public init(_ height: Int, _ width: Int) {
    self.init(top: height, bottom: height, left: width, right: width)
  }

  /// The same on all four sides: `padding: 1`.
  public init(integerLiteral value: Int) {
    self.init(value, value)
  }
}

/// How a convolution window moves. Kernel and channels are the weight's matter.
public struct ConvolutionGeometry: Sendable, Hashable {
  /// The distance between windows, in pixels.
  public var stride: Pair<Int>
  /// Zeros around the image.
  public var padding: Padding
  /// The distance between the pixels of one window.
  public var dilation: Pair<Int>
  /// The parts that input and output channels divide into; each output sees its own part alone.
  public var groups: Int

  /// PyTorch's defaults: every pixel, no padding, one group.
  public init(
    stride: Pair<Int> = 1, padding: Padding = 0, dilation: Pair<Int> = 1, groups: Int = 1
  ) {
    (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
  }
}

/// How a pooling window moves, and how averages divide.
public struct PoolingGeometry: Sendable, Hashable {
  /// What is made of a window's pixels.
  public enum Kind: Sendable, Hashable {
    /// The maximum; padding counts as −∞.
    case maximum
    /// The mean; `countIncludePad` divides by the window's full size, else by the cells that lie in
    /// the image.
    case average(countIncludePad: Bool)
  }

  /// Maximum or average.
  public var kind: Kind
  /// The window's size, in pixels.
  public var kernel: Pair<Int>
  /// The distance between windows, in pixels.
  public var stride: Pair<Int>
  /// What lies around the image: −∞ for maxima, zeros for averages.
  public var padding: Padding
  /// The distance between the pixels of one window.
  public var dilation: Pair<Int>
  /// Whether a last window may begin inside the image (or its left padding) and reach beyond it.
  public var ceilMode: Bool

  /// - Parameters:
  ///   - kernel: The window's size, in pixels.
  ///   - stride: The distance between windows; `nil`, PyTorch's default, for the kernel's size.
  ///   - padding: At most half of the kernel on each side.
  ///   - dilation: The distance between the pixels of one window.
  ///   - ceilMode: Whether a last window may reach beyond the image.
  public init(
    _ kind: Kind, kernel: Pair<Int>, stride: Pair<Int>? = nil, padding: Padding = 0,
    dilation: Pair<Int> = 1, ceilMode: Bool = false
  ) {
    self.kind = kind
    self.kernel = kernel
    self.stride = stride ?? kernel
    self.padding = padding
    self.dilation = dilation
    self.ceilMode = ceilMode
  }
}

/// The number of windows along one axis, PyTorch's rule.
///
/// ⌊(size + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1; with `ceilMode` the quotient
/// rounds up, less a last window that would start in the padding after the image. A window that is
/// larger than the image then still fits once, if it reaches less than a stride beyond it.
///
/// - Throws: `shape` when the window does not fit once, or stride, kernel or dilation is not positive
///   or beyond 2³¹.
func windowCount(
  size: Int, kernel: Int, stride: Int, before: Int, after: Int, dilation: Int,
  ceilMode: Bool = false
) throws -> Int {
  guard size >= 0, kernel > 0, stride > 0, dilation > 0, before >= 0, after >= 0 else {
    throw WeighbridgeError(
      .shape,
      "kernel \(kernel), stride \(stride), dilation \(dilation) must be positive, "
        + "padding not negative")
  }
  // With these no product or sum below overflows.
  guard [size, kernel, stride, before, after, dilation].allSatisfy({ $0 <= Int32.max }) else {
    throw WeighbridgeError(.shape, "a window's extents must be less than 2³¹")
  }
  let room = size + before + after - dilation * (kernel - 1) - 1
  let rounded = ceilMode ? room + stride - 1 : room
  var count = rounded < 0 ? 0 : rounded / stride + 1
  if ceilMode, (count - 1) * stride >= size + before { count -= 1 }
  guard count > 0 else {
    throw WeighbridgeError(
      .shape,
      "a window of \(kernel) (dilation \(dilation)) does not fit \(size) with padding \(before)+\(after)"
    )
  }
  return count
}

extension ConvolutionGeometry {
  /// The output shape for an input [N, C, H, W] and a weight [out, in/groups, kh, kw].
  ///
  /// - Throws: `shape` when channels, groups and weight do not fit, or the window does not.
  public func outputShape(input: Shape, weight: Shape) throws -> Shape {
    guard input.rank == 4, weight.rank == 4, groups > 0, input[1] % groups == 0,
      input[1] / groups == weight[1], weight[0] % groups == 0
    else {
      throw WeighbridgeError(
        .shape,
        "a convolution with weight \(weight) and \(groups) groups does not fit the input \(input)")
    }
    let height = try windowCount(
      size: input[2], kernel: weight[2], stride: stride.height, before: padding.top,
      after: padding.bottom, dilation: dilation.height)
    let width = try windowCount(
      size: input[3], kernel: weight[3], stride: stride.width, before: padding.left,
      after: padding.right, dilation: dilation.width)
    return [input[0], weight[0], height, width]
  }
}

extension PoolingGeometry {
  /// The output shape for an input [N, C, H, W].
  ///
  /// - Throws: `shape` when the window does not fit, or padding exceeds half the kernel, which
  ///   PyTorch refuses too.
  public func outputShape(input: Shape) throws -> Shape {
    guard input.rank == 4 else {
      throw WeighbridgeError(.shape, "pooling needs [N, C, H, W], got \(input)")
    }
    guard max(padding.top, padding.bottom) <= kernel.height / 2,
      max(padding.left, padding.right) <= kernel.width / 2
    else {
      throw WeighbridgeError(.shape, "pooling padding must be at most half of the kernel")
    }
    let height = try windowCount(
      size: input[2], kernel: kernel.height, stride: stride.height, before: padding.top,
      after: padding.bottom, dilation: dilation.height, ceilMode: ceilMode)
    let width = try windowCount(
      size: input[3], kernel: kernel.width, stride: stride.width, before: padding.left,
      after: padding.right, dilation: dilation.width, ceilMode: ceilMode)
    return [input[0], input[1], height, width]
  }
}
