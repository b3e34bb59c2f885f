#if OneDNN
  import Synchronization
  import WeighbridgeParallel

  /// Compiled primitives of operators that belong to no layer, by what they were compiled for.
  final class PrimitiveCache<Variant: Hashable & Sendable>: Sendable {
    private let entries = Mutex<[Variant: CompiledPrimitive]>([:])
    /// The number of entries at which all are dropped.
    private let capacity = 512

    func primitive(
      for variant: Variant, orMake make: () throws -> CompiledPrimitive
    ) throws -> CompiledPrimitive {
      if let found = entries.withLock({ $0[variant] }) { return found }
      let made = try make()
      entries.withLock { entries in
        if entries.count >= capacity { entries.removeAll() }
        entries[variant] = made
      }
      return made
    }
  }

  /// What distinguishes matrix products: the shapes and the factors' strides.
  struct ProductVariant: Hashable, Sendable {
    var a: [Int]
    var b: [Int]
    var shape: [Int]
    var aStrides: [Int]
    var bStrides: [Int]
    /// What the work is divided between.
    var threads = Parallel.threadCount
  }

  extension OneDNNEngine {
    package func matmul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
      let shape = Shape(a.shape.dropLast() + [b.shape[b.rank - 1]])
      guard shape.elementCount > 0, a.elementCount > 0, shape.rank <= 12 else {
        return try plain.matmul(a, b)
      }
      RunLog.note(.init(.oneDNN, "matrix product"))
      let strides = shape.contiguousStrides
      let (a, b) = try (readable(a), readable(b))
      let variant = ProductVariant(
        a: a.shape.dimensions, b: b.shape.dimensions, shape: shape.dimensions,
        aStrides: settledStrides(a), bStrides: settledStrides(b))
      let primitive = try products.primitive(for: variant) {
        CompiledPrimitive(
          try OneDNNLibrary.shared().matmul(
            MemoryDescription(variant.a, strides: variant.aStrides),
            MemoryDescription(variant.b, strides: variant.bStrides), bias: nil,
            destination: MemoryDescription(variant.shape, strides: strides),
            post: PostOperations()))
      }
      let storage = try a.withUnsafeElements { (left: UnsafePointer<Float>) in
        try b.withUnsafeElements { (right: UnsafePointer<Float>) in
          try TensorStorage(byteCount: shape.elementCount * MemoryLayout<Float>.stride) { bytes in
            try primitive.run { arguments in
              arguments[0] = UnsafeRawPointer(left)
              arguments[1] = UnsafeRawPointer(right)
              arguments[2] = UnsafeRawPointer(bytes.baseAddress)
            }
          }
        }
      }
      return Tensor(dtype: .float32, shape: shape, strides: strides, offset: 0, storage: storage)
    }

    /// The strides, with those of leading axes of extent 1 as they are without gaps: they tell nothing, and
    /// from others the library concludes an order of axes for which it has but its slowest kernel.
    private func settledStrides(_ x: Tensor) -> [Int] {
      var strides = x.strides
      var span = max(
        x.shape[x.rank - 2] * strides[x.rank - 2], x.shape[x.rank - 1] * strides[x.rank - 1])
      for axis in stride(from: x.rank - 3, through: 0, by: -1) {
        if x.shape[axis] == 1 { strides[axis] = span }
        span = max(span, x.shape[axis] * strides[axis])
      }
      return strides
    }

    /// The matrices as the library can read them in place: rows or columns with stride 1, the
    /// others at least as far apart as they are long, and no batch axis broadcast.
    private func readable(_ x: Tensor) throws -> Tensor {
      let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
      let (down, across) = (x.strides[x.rank - 2], x.strides[x.rank - 1])
      let isRowMajor = (across == 1 || columns == 1) && down >= columns
      let isColumnMajor = (down == 1 || rows == 1) && across >= rows
      let isBroadcast = zip(x.shape, x.strides).contains { $0 > 1 && $1 == 0 }
      guard !isBroadcast, isRowMajor || isColumnMajor, columns > 1, rows > 1 else {
        return try x.contiguous()
      }
      return x
    }
  }
#endif
