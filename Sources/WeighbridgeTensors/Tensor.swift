/// A strided view of immutable elements: a value, cheap to copy, safe to share between threads.
///
/// Axes are logical (images are always `[N, C, H, W]`); the order in memory is the strides' matter,
/// so a channels-last activation is an NCHW tensor whose channel stride is 1. A tensor without
/// storage is a *descriptor*: it has a dtype and a shape and no elements.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The extents of the logical axes, whatever the order in memory.
  public let shape: Shape
  /// The distance between neighbours on each axis, in elements; 0 on a broadcast axis.
  public let strides: [Int]
  /// The index of the first element within the storage, in elements.
  package let offset: Int
  package let storage: TensorStorage?

  package init(
    dtype: DType, shape: Shape, strides: [Int], offset: Int, storage: TensorStorage?
  ) {
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.offset = offset
    self.storage = storage
  }

  /// A descriptor: a dtype and a shape without elements.
  public init(describing dtype: DType, shape: Shape) {
    self.init(
      dtype: dtype, shape: shape, strides: shape.contiguousStrides, offset: 0, storage: nil)
  }

  /// A view of row-major elements in `storage`, from `byteOffset` on.
  ///
  /// - Throws: `malformed` when the elements do not lie inside the storage or not on a multiple of
  ///   their size from its start.
  public init(
    dtype: DType, shape: Shape, strides: [Int]? = nil, storage: TensorStorage, byteOffset: Int = 0
  ) throws {
    let strides = strides ?? shape.contiguousStrides
    guard strides.count == shape.rank, byteOffset >= 0, byteOffset % dtype.byteCount == 0 else {
      throw WeighbridgeError(.malformed, "a tensor's strides or offset do not fit its shape")
    }
    var last = byteOffset / dtype.byteCount
    if shape.elementCount > 0 {
      for (extent, stride) in zip(shape, strides) {
        let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
        guard !overflow, stride >= 0, last.addingReportingOverflow(reach).overflow == false else {
          throw WeighbridgeError(.malformed, "the shape \(shape) is larger than any memory")
        }
        last += reach
      }
      guard last < storage.byteCount / dtype.byteCount else {
        throw WeighbridgeError(
          .malformed, "shape \(shape) of \(dtype) needs more than the \(storage.byteCount) bytes")
      }
    }
    self.init(
      dtype: dtype, shape: shape, strides: strides, offset: byteOffset / dtype.byteCount,
      storage: storage)
  }

  /// A tensor of row-major elements.
  ///
  /// - Throws: `shape` when the count of elements is not the shape's.
  public init<Element: TensorElement>(_ elements: [Element], shape: Shape) throws {
    guard elements.count == shape.elementCount else {
      throw WeighbridgeError(
        .shape, "\(elements.count) elements do not fill the shape \(shape)")
    }
    try self.init(shape: shape) { (buffer: UnsafeMutableBufferPointer<Element>) in
      _ = buffer.update(fromContentsOf: elements)
    }
  }

  /// A new tensor whose elements `initialize` writes, every one of them, in the order of memory:
  /// row-major, or for images channels-last.
  public init<Element: TensorElement>(
    shape: Shape, format: MemoryFormat = .contiguous,
    initializingWith initialize: (UnsafeMutableBufferPointer<Element>) throws -> Void
  ) throws {
    let count = try shape.checked(Element.dtype).elementCount
    let storage = try TensorStorage(byteCount: count * MemoryLayout<Element>.stride) { bytes in
      try initialize(bytes.bindMemory(to: Element.self))
    }
    self.init(
      dtype: Element.dtype, shape: shape, strides: format.strides(of: shape), offset: 0,
      storage: storage)
  }

  /// A tensor with one value everywhere, held once.
  ///
  /// - Throws: `shape` when there are more elements than can be counted.
  public init<Element: TensorElement>(repeating value: Element, shape: Shape) throws {
    let shape = try shape.checked(Element.dtype)
    let storage = try TensorStorage(byteCount: MemoryLayout<Element>.stride) { bytes in
      bytes.storeBytes(of: value, as: Element.self)
    }
    self.init(
      dtype: Element.dtype, shape: shape, strides: [Int](repeating: 0, count: shape.rank),
      offset: 0, storage: storage)
  }

  /// The same elements over a storage of its own identity.
  package var alias: Tensor {
    Tensor(dtype: dtype, shape: shape, strides: strides, offset: offset, storage: storage?.alias())
  }

  /// Whether the elements are used where they lie, in a mapped file as a rule, and take no memory of the
  /// process's own.
  package var isBorrowed: Bool { storage?.isBorrowed ?? false }
  /// Whether this is a descriptor without elements.
  public var isDescriptor: Bool { storage == nil }
  /// The number of axes.
  public var rank: Int { shape.rank }
  /// The number of elements.
  public var elementCount: Int { shape.elementCount }
  /// The number of bytes the elements take when packed.
  public var byteCount: Int { elementCount &* dtype.byteCount }
}

/// The order of an image's elements in memory.
public enum MemoryFormat: Sendable, Hashable {
  /// Row-major: NCHW.
  case contiguous
  /// NHWC in memory under NCHW axes; the same as contiguous for shapes that have not four axes.
  case channelsLast

  /// The strides, in elements, of a dense tensor of this format.
  public func strides(of shape: Shape) -> [Int] {
    guard self == .channelsLast, shape.rank == 4 else { return shape.contiguousStrides }
    let (c, h, w) = (max(1, shape[1]), max(1, shape[2]), max(1, shape[3]))
    return [h &* w &* c, 1, w &* c, c]
  }
}

extension Tensor {
  /// Whether the elements lie densely in the given order. Strides of axes with one element don't
  /// matter, so a 1×1 image is both.
  public func isDense(_ format: MemoryFormat) -> Bool {
    zip(shape, zip(strides, format.strides(of: shape))).allSatisfy { extent, pair in
      extent == 1 || pair.0 == pair.1
    } || elementCount == 0
  }

  /// Whether the elements lie densely in row-major order.
  public var isContiguous: Bool { isDense(.contiguous) }

  /// The format of an output that should lie like this input: channels-last when this image's
  /// channels are neighbours in memory and it is not also contiguous. A part of a channels-last
  /// image counts as such.
  public var preferredFormat: MemoryFormat {
    guard rank == 4, shape[1] > 1, !isContiguous else { return .contiguous }
    if isDense(.channelsLast) { return .channelsLast }
    let isInner = strides[1] == 1 && (shape[3] == 1 || strides[3] >= shape[1])
    let isOrdered = shape[2] == 1 || shape[3] == 1 || strides[2] >= strides[3] * shape[3]
    return isInner && isOrdered ? .channelsLast : .contiguous
  }

  /// Calls `body` with the address of element `[0, 0, …]`; other elements follow by the strides.
  /// Elements of a file used in place that are not on multiples of their size are copied for the
  /// call; `aligned()` does so once and for all. The result is `Sendable`, which no pointer is: the
  /// address is gone when the call returns, and what needs it runs inside.
  ///
  /// - Throws: `shape` when the tensor is a descriptor or of another dtype.
  @inline(__always)
  public func withUnsafeElements<Element: TensorElement, R: Sendable>(
    of type: Element.Type = Element.self, _ body: (UnsafePointer<Element>) throws -> R
  ) throws -> R {
    guard storage != nil else { throw Tensor.descriptorError(shape) }
    guard
      dtype == Element.dtype
        || (dtype.byteCount == 1 && dtype != .int8 && Element.dtype == .uint8)
        || ((dtype == .float16 || dtype == .bfloat16) && Element.dtype == .uint16)
    else {
      throw WeighbridgeError(.shape, "expected a tensor of \(Element.dtype), got \(dtype)")
    }
    guard isAligned else { return try aligned().withUnsafeElements(of: type, body) }
    return try withRawElements { try body($0.assumingMemoryBound(to: Element.self)) }
  }

  /// Calls `body` with the address of element `[0, 0, …]`, which may be any byte.
  ///
  /// - Throws: `shape` when the tensor is a descriptor.
  @inline(__always)
  package func withRawElements<R: Sendable>(
    _ body: (UnsafeRawPointer) throws -> R
  ) throws -> R {
    guard let storage else { throw Tensor.descriptorError(shape) }
    return try storage.withBytes { bytes in
      // A buffer of no bytes has an address too, when it is a storage's.
      guard let base = bytes.baseAddress else { throw Tensor.descriptorError(shape) }
      return try body(base + offset * dtype.byteCount)
    }
  }

  /// Calls `body` with the packed row-major bytes, in place where they lie so already.
  ///
  /// - Throws: `shape` when the tensor is a descriptor.
  public func withUnsafeBytes<R: Sendable>(
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let packed = try contiguous()
    return try packed.withRawElements {
      try body(UnsafeRawBufferPointer(start: $0, count: packed.byteCount))
    }
  }

  /// The elements in row-major order, converted to `Element` as `converted(to:)` does.
  public func elements<Element: TensorElement>(as type: Element.Type = Element.self) throws
    -> [Element]
  {
    let packed = try converted(to: Element.dtype).contiguous()
    let count = packed.elementCount
    return try packed.withUnsafeElements { (pointer: UnsafePointer<Element>) in
      [Element](UnsafeBufferPointer(start: pointer, count: count))
    }
  }

  static func descriptorError(_ shape: Shape) -> WeighbridgeError {
    WeighbridgeError(
      .shape, "a tensor of shape \(shape) is only a descriptor and has no elements",
      remedy: "Initialisers must not compute on weights")
  }
}
