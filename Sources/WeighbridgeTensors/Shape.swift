/// The extents of a tensor, outermost axis first. `[]` is a scalar's shape.
public struct Shape: Sendable, Hashable {
  /// The number of elements along each axis, outermost first.
  public let dimensions: [Int]

  /// The extents as they are; those that come from files go through `validated` first.
  public init(_ dimensions: [Int]) {
    self.dimensions = dimensions
  }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The number of elements. Shapes that come from files go through `validated` first, so the
  /// product is known to fit.
  public var elementCount: Int { dimensions.reduce(1, &*) }

  /// The row-major strides in elements.
  public var contiguousStrides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] &* Swift.max(1, dimensions[axis + 1])
    }
    return strides
  }

  /// The shape with these extents, if none is negative and the byte count fits an `Int`.
  ///
  /// - Throws: `malformed` otherwise. Readers build every shape through this.
  public static func validated(_ dimensions: [Int], dtype: DType) throws -> Shape {
    let shape = Shape(dimensions)
    guard dimensions.allSatisfy({ $0 >= 0 }) else {
      throw WeighbridgeError(.malformed, "the shape \(dimensions) has a negative extent")
    }
    guard shape.isAddressable(of: dtype) else {
      throw WeighbridgeError(.malformed, "the shape \(dimensions) is larger than any memory")
    }
    return shape
  }

  /// This shape, if it is the shape of a tensor that an address space could hold. Operators whose
  /// results are larger than their inputs check theirs with it.
  ///
  /// - Throws: `shape` otherwise.
  func checked(_ dtype: DType) throws -> Shape {
    guard dimensions.allSatisfy({ $0 >= 0 }), isAddressable(of: dtype) else {
      throw WeighbridgeError(.shape, "a tensor of shape \(self) cannot be made")
    }
    return self
  }

  /// `checked` for kernels of other modules, whose results are in memory.
  ///
  /// - Throws: `shape` also for what is larger than the machine's memory.
  package func addressable(_ dtype: DType) throws -> Shape {
    let shape = try checked(dtype)
    let memory = PhysicalMemory.byteCount
    guard memory == 0 || elementCount * dtype.byteCount <= memory else {
      throw WeighbridgeError(
        .shape, "a tensor of shape \(self) takes more than the machine's memory",
        remedy: "Use smaller inputs or a smaller batch")
    }
    return shape
  }

  /// Whether the byte count fits an `Int`, empty axes counted as 1: they must not hide an overflow of
  /// the others, because strides still multiply those.
  private func isAddressable(of dtype: DType) -> Bool {
    var bytes = dtype.byteCount
    for dimension in dimensions {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: Swift.max(1, dimension))
      if overflow { return false }
      bytes = product
    }
    return true
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// A shape from a literal, `[2, 3, 224, 224]`.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }
}

extension Shape: RandomAccessCollection {
  /// 0, the outermost axis.
  public var startIndex: Int { 0 }
  /// The rank.
  public var endIndex: Int { dimensions.count }
  /// An axis's extent; negative axes are not resolved.
  public subscript(axis: Int) -> Int { dimensions[axis] }
}

extension Shape: CustomStringConvertible {
  /// PyTorch's way of writing it: `[64, 3, 7, 7]`.
  public var description: String { "\(dimensions)" }
}

extension Shape {
  /// The shape that two shapes broadcast to, by NumPy's rule.
  ///
  /// - Throws: `shape` when some axis has two different extents, neither of them 1.
  public func broadcast(with other: Shape) throws -> Shape {
    let rank = Swift.max(self.rank, other.rank)
    var result = [Int](repeating: 1, count: rank)
    for back in 1...Swift.max(1, rank) where back <= rank {
      let a = back <= self.rank ? self[self.rank - back] : 1
      let b = back <= other.rank ? other[other.rank - back] : 1
      guard a == b || a == 1 || b == 1 else {
        throw WeighbridgeError(.shape, "shapes \(self) and \(other) do not broadcast")
      }
      result[rank - back] = a == 1 ? b : a
    }
    return Shape(result)
  }

  /// `axis` counted from the front; negative axes count from the back.
  ///
  /// - Throws: `shape` when there is no such axis.
  public func resolvedAxis(_ axis: Int) throws -> Int {
    let resolved = axis < 0 ? axis + rank : axis
    guard resolved >= 0, resolved < rank else {
      throw WeighbridgeError(.shape, "axis \(axis) does not exist in shape \(self)")
    }
    return resolved
  }
}
