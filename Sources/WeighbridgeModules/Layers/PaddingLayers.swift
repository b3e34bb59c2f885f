/// A module that adds elements around the last axes of its input.
public protocol PaddingModule: Module where Input == Tensor, Output == Tensor {
  /// What is added, for the last axes in order.
  var amounts: [AxisPadding] { get }
  /// What the added elements are.
  var mode: PaddingMode { get }
}

extension PaddingModule {
  public func forward(_ x: Tensor) throws -> Tensor { try x.padded(amounts, mode) }
}

extension Padding {
  /// For the last two axes.
  fileprivate var amounts: [AxisPadding] { [AxisPadding(top, bottom), AxisPadding(left, right)] }
}

/// PyTorch's `nn.ZeroPad2d`. Negative sides take away.
public struct ZeroPad2d: PaddingModule {
  public let path: ModulePath
  /// Rows above and below, then columns left and right.
  public let amounts: [AxisPadding]
  /// Zeros.
  public var mode: PaddingMode { .constant(0) }

  /// - Parameter padding: Pixels on each side. PyTorch's order is left, right, top, bottom.
  public init(_ w: WeightScope, _ padding: Padding) {
    path = w.path
    amounts = padding.amounts
  }
}

/// PyTorch's `nn.ConstantPad2d`. Negative sides take away.
public struct ConstantPad2d: PaddingModule {
  public let path: ModulePath
  /// Rows above and below, then columns left and right.
  public let amounts: [AxisPadding]
  /// One value.
  public let mode: PaddingMode

  /// - Parameters:
  ///   - padding: Pixels on each side. PyTorch's order is left, right, top, bottom.
  ///   - value: What they are.
  public init(_ w: WeightScope, _ padding: Padding, value: Double) {
    path = w.path
    amounts = padding.amounts
    mode = .constant(value)
  }
}

/// PyTorch's `nn.ReflectionPad2d`: the image mirrored at its first and last row and column, which are
/// not repeated.
public struct ReflectionPad2d: PaddingModule {
  public let path: ModulePath
  /// Rows above and below, then columns left and right.
  public let amounts: [AxisPadding]
  /// The image mirrored.
  public var mode: PaddingMode { .reflect }

  /// - Parameter padding: Pixels on each side, fewer than the image has. PyTorch's order is left,
  ///   right, top, bottom.
  public init(_ w: WeightScope, _ padding: Padding) {
    path = w.path
    amounts = padding.amounts
  }
}

/// PyTorch's `nn.ReplicationPad2d`: the outermost pixels again and again.
public struct ReplicationPad2d: PaddingModule {
  public let path: ModulePath
  /// Rows above and below, then columns left and right.
  public let amounts: [AxisPadding]
  /// The outermost pixels again.
  public var mode: PaddingMode { .replicate }

  /// - Parameter padding: Pixels on each side. PyTorch's order is left, right, top, bottom.
  public init(_ w: WeightScope, _ padding: Padding) {
    path = w.path
    amounts = padding.amounts
  }
}

/// PyTorch's `nn.ConstantPad1d`, and with 0 `nn.ZeroPad1d`: of the last axis.
public struct ConstantPad1d: PaddingModule {
  public let path: ModulePath
  /// Elements before and after the last axis.
  public let amounts: [AxisPadding]
  /// One value.
  public let mode: PaddingMode

  /// - Parameters:
  ///   - before: Elements added in front; negative numbers take away.
  ///   - after: Elements added behind; negative numbers take away.
  ///   - value: What they are.
  public init(_ w: WeightScope, before: Int, after: Int, value: Double = 0) {
    path = w.path
    amounts = [AxisPadding(before, after)]
    mode = .constant(value)
  }
}
