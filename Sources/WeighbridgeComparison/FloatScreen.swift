import CVectors

extension vectors_screen {
  /// The relative rounding errors of what is computed in float32 stay far below this margin.
  private static let margin = 1 - 0x1p-20

  /// Bounds in float32 that no element beyond a maximum so far slips through; some that are not
  /// beyond it are caught, too.
  init(_ soFar: Accumulator, _ tolerance: ElementwiseTolerance?) {
    // Different float32 values differ by 2⁻²⁴ at least: equal ones are never caught.
    let ratio = max(soFar.maxRel * Self.margin, 0x1p-26)
    let scale = soFar.elementwiseRatio * Self.margin
    // Between elements of one sign the difference of their bits is their distance. That of elements
    // of two signs is 2²³ at least, so that a limit below it catches every such pair.
    let limit = UInt32(min(soFar.maxULP, 1 << 22))
    self.init(
      relative: Float(ratio), is_elementwise: tolerance != nil,
      allowed: Float((tolerance?.absolute ?? 0) * scale),
      allowed_relative: Float((tolerance?.relative ?? 0) * scale),
      step_bias: Int32(bitPattern: limit ^ 0x8000_0000),
      step_limit: Int32(bitPattern: (2 * limit) ^ 0x8000_0000))
  }
}
