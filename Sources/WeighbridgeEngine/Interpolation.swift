/// How an image is resized: PyTorch's `torch.nn.functional.interpolate` without the size.
public struct Interpolation: Sendable, Hashable {
  /// What stands between the pixels. Linear and cubic work along each axis after the other: on images
  /// they are PyTorch's `bilinear` and `bicubic`.
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// The pixel at ⌊i·in/out⌋.
    case nearest
    /// The pixel at ⌊(i + ½)·in/out⌋, as Pillow and scikit-image have it.
    case nearestExact = "nearest-exact"
    /// Two neighbours along each axis, weighed by distance.
    case linear
    /// Four pixels by the cubic kernel of a = −0.75, antialiased of a = −0.5.
    case cubic
    /// The mean of the pixels that an output covers: adaptive average pooling.
    case area

    /// PyTorch's name for `linear` on images.
    public static let bilinear = Mode.linear
    /// PyTorch's name for `cubic` on images.
    public static let bicubic = Mode.cubic
  }

  /// PyTorch's `mode`.
  public var mode: Mode
  /// Whether the centres of the corner pixels stay where they are; else the image's edges do.
  public var alignCorners: Bool
  /// Whether the kernel widens when the image shrinks. Linear and cubic only.
  public var antialias: Bool

  /// PyTorch's defaults: edges stay in place, and the kernel never widens.
  public init(_ mode: Mode, alignCorners: Bool = false, antialias: Bool = false) {
    (self.mode, self.alignCorners, self.antialias) = (mode, alignCorners, antialias)
  }
}

/// What is added before and after an axis, in elements; negative numbers take away.
public struct AxisPadding: Sendable, Hashable {
  /// Elements in front of the first one.
  public var before: Int
  /// Elements behind the last one.
  public var after: Int

  /// In elements; negative numbers take away.
  public init(_ before: Int, _ after: Int) { (self.before, self.after) = (before, after) }
}

/// What stands in the padding around a tensor: the modes of `torch.nn.functional.pad`.
public enum PaddingMode: Sendable, Hashable {
  /// One value.
  case constant(Double)
  /// The elements mirrored at the first and the last one, which are not repeated.
  case reflect
  /// The first and the last element again and again.
  case replicate
  /// The elements from the other end.
  case circular
}

/// How the windows of `unfolded` and `folded` move over an image.
public struct WindowGeometry: Sendable, Hashable {
  /// The window's size, in pixels.
  public var kernel: Pair<Int>
  /// The distance between windows, in pixels.
  public var stride: Pair<Int>
  /// Zeros around the image: above and below, left and right.
  public var padding: Pair<Int>
  /// The distance between the pixels of one window.
  public var dilation: Pair<Int>

  /// The defaults of `nn.Unfold` and `nn.Fold`.
  public init(
    kernel: Pair<Int>, stride: Pair<Int> = 1, padding: Pair<Int> = 0, dilation: Pair<Int> = 1
  ) {
    (self.kernel, self.stride, self.padding, self.dilation) = (kernel, stride, padding, dilation)
  }

  /// How many windows there are below and beside each other in an image.
  ///
  /// - Throws: `shape` when none fits.
  func counts(height: Int, width: Int) throws -> Pair<Int> {
    Pair(
      try windowCount(
        size: height, kernel: kernel.height, stride: stride.height, before: padding.height,
        after: padding.height, dilation: dilation.height),
      try windowCount(
        size: width, kernel: kernel.width, stride: stride.width, before: padding.width,
        after: padding.width, dilation: dilation.width))
  }
}

/// How a transposed convolution spreads its input.
public struct TransposedConvolutionGeometry: Sendable, Hashable {
  /// The distance between the places of neighbouring inputs in the output, in pixels.
  public var stride: Pair<Int>
  /// What is cut off each side: the padding of the convolution that this one undoes.
  public var padding: Pair<Int>
  /// What is added below and to the right, because several input sizes lead to one output size.
  public var outputPadding: Pair<Int>
  /// The distance between the pixels of one window.
  public var dilation: Pair<Int>
  /// The parts that input and output channels divide into; each input reaches its own part alone.
  public var groups: Int

  /// The defaults of `nn.ConvTranspose2d`.
  public init(
    stride: Pair<Int> = 1, padding: Pair<Int> = 0, outputPadding: Pair<Int> = 0,
    dilation: Pair<Int> = 1, groups: Int = 1
  ) {
    (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
    (self.dilation, self.groups) = (dilation, groups)
  }

  /// The output shape for an input [N, in, H, W] and a weight [in, out/groups, kh, kw]:
  /// (H − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1.
  ///
  /// - Throws: `shape` when channels, groups and weight do not fit, a number is not what PyTorch
  ///   allows, or nothing is left.
  public func outputShape(input: Shape, weight: Shape) throws -> Shape {
    guard input.rank == 4, weight.rank == 4, groups > 0, input[1] == weight[0],
      input[1] % groups == 0, input[2] > 0, input[3] > 0
    else {
      throw WeighbridgeError(
        .shape,
        "a transposed convolution with weight \(weight) and \(groups) groups does not fit the input "
          + "\(input)")
    }
    let channels = weight[1].multipliedReportingOverflow(by: groups)
    guard !channels.overflow else {
      throw WeighbridgeError(.shape, "\(groups) groups of \(weight[1]) channels cannot be made")
    }
    func extent(_ size: Int, _ kernel: Int, _ value: (Self) -> Int...) throws -> Int {
      let (stride, padding, added, dilation) = (
        value[0](self), value[1](self), value[2](self), value[3](self)
      )
      guard stride > 0, dilation > 0, kernel > 0, padding >= 0, added >= 0,
        [size, kernel, stride, padding, dilation].allSatisfy({ $0 <= Int32.max >> 1 })
      else {
        throw WeighbridgeError(
          .shape, "stride \(stride), dilation \(dilation) must be positive, padding not negative")
      }
      guard added < max(stride, dilation) else {
        throw WeighbridgeError(
          .shape,
          "output padding \(added) must be smaller than stride \(stride) or dilation "
            + "\(dilation)")
      }
      let result = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + added + 1
      guard result > 0 else {
        throw WeighbridgeError(.shape, "nothing of \(size) is left with padding \(padding)")
      }
      return result
    }
    return [
      input[0], channels.partialValue,
      try extent(
        input[2], weight[2], { $0.stride.height }, { $0.padding.height },
        { $0.outputPadding.height }, { $0.dilation.height }),
      try extent(
        input[3], weight[3], { $0.stride.width }, { $0.padding.width },
        { $0.outputPadding.width }, { $0.dilation.width }),
    ]
  }
}

/// Comparisons of two elements; with NaN all are false but `notEqual`.
public enum Comparison: String, Sendable, Hashable, CaseIterable {
  /// As `torch.eq`, `ne`, `lt`, `le`, `gt` and `ge`.
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
}

/// The larger or the smaller end of an order.
public enum Extreme: String, Sendable, Hashable {
  /// The largest, or the smallest.
  case maximum, minimum
}

/// Elements and where they stood along an axis, as int64: what `torch.max`, `torch.sort` and
/// `torch.topk` return.
public struct IndexedValues: Sendable {
  /// The elements, in the order of the result.
  public var values: Tensor
  /// Where each stood along the axis, int64, of the same shape.
  public var indices: Tensor

  /// - Parameter indices: int64, of the same shape as `values`.
  public init(values: Tensor, indices: Tensor) {
    (self.values, self.indices) = (values, indices)
  }
}
