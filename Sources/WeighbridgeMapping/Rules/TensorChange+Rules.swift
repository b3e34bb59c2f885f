import WeighbridgeTensors

extension MappedTensor {
  /// What an action does to this tensor, with every axis and extent known.
  ///
  /// - Throws: `shape` when it does not fit.
  func change(for action: Rule.Action) throws -> TensorChange {
    switch action {
    case .permute(_, let axes): return .permute(try permutation(axes))
    case .transpose(_, let axes):
      guard axes.count == 2 else {
        throw WeighbridgeError(.shape, "transpose takes two axes, not \(axes)")
      }
      var order = Array(0..<shape.rank)
      order.swapAt(try shape.resolvedAxis(axes[0]), try shape.resolvedAxis(axes[1]))
      return .permute(order)
    case .reshape(_, let dimensions): return .reshape(try extents(dimensions))
    case .flip(_, let axis): return .flip(try shape.resolvedAxis(axis))
    case .cast(_, let target):
      guard
        target.isFloatingPoint || (target == .int64 && !dtype.isFloatingPoint) || target == dtype
      else {
        throw WeighbridgeError(.shape, "\(dtype) is not cast to \(target)")
      }
      return .cast(target)
    case .rename, .split, .concatenate, .stack, .weightNorm, .spectralNorm, .drop:
      return .permute(Array(0..<shape.rank))
    }
  }

  private func permutation(_ axes: [Int]) throws -> [Int] {
    let resolved = try axes.map(shape.resolvedAxis)
    guard resolved.count == shape.rank, Set(resolved).count == resolved.count else {
      throw WeighbridgeError(.shape, "\(axes) is not a permutation of the axes of \(shape)")
    }
    return resolved
  }

  /// The most axes of a tensor, as in PyTorch and NumPy.
  private static let mostAxes = 64

  private static func checkRank(_ rank: Int) throws {
    guard rank <= mostAxes else {
      throw WeighbridgeError(.mapping, "a tensor has at most \(mostAxes) axes, not \(rank)")
    }
  }

  /// - Throws: `mapping` when more rules have changed it than any conversion needs: reading goes
  ///   through all of them.
  func checkEffort() throws {
    guard depth < 64, reads <= 65_536 else {
      throw WeighbridgeError(.mapping, "more than 64 rules in a row change it", entry: name)
    }
  }

  static func depth(of parts: [MappedTensor]) -> Int { (parts.map(\.depth).max() ?? 0) + 1 }

  static func reads(of parts: [MappedTensor]) -> Int {
    parts.reduce(0) { min($0 + $1.reads, 1 << 20) }
  }

  private func extents(_ dimensions: [Int]) throws -> [Int] {
    try MappedTensor.checkRank(dimensions.count)
    // 0 leaves an extent as it is, but where the tensor has no elements.
    let dimensions = dimensions.enumerated().map { axis, extent in
      extent == 0 && axis < shape.rank && shape.elementCount > 0 ? shape[axis] : extent
    }
    var result = dimensions
    let open = dimensions.indices.filter { dimensions[$0] == -1 }
    let known = try Shape.validated(dimensions.filter { $0 != -1 }, dtype: .bool).elementCount
    if let index = open.first, open.count == 1, known > 0, shape.elementCount % known == 0 {
      result[index] = shape.elementCount / known
    }
    guard result.allSatisfy({ $0 >= 0 }),
      try Shape.validated(result, dtype: .bool).elementCount == shape.elementCount
    else {
      throw WeighbridgeError(.shape, "\(shape) cannot be reshaped to \(dimensions)")
    }
    return result
  }

  /// Tensors joined, by the rules of `Tensor.concatenated` and `Tensor.stacked`.
  ///
  /// - Throws: `mapping` when their dtypes or other extents differ.
  static func joined(
    _ parts: [MappedTensor], axis: Int, isNew: Bool, name: String
  ) throws -> MappedTensor {
    guard let first = parts.first else {
      throw WeighbridgeError(.mapping, "there is nothing to join")
    }
    if isNew { try checkRank(first.shape.rank + 1) }
    let rank = first.shape.rank + (isNew ? 1 : 0)
    let resolved = axis < 0 ? axis + rank : axis
    guard resolved >= 0, resolved < rank else {
      throw WeighbridgeError(.mapping, "axis \(axis) does not exist in \(first.shape)")
    }
    var dimensions = first.shape.dimensions
    if isNew { dimensions.insert(1, at: resolved) }
    var total = 0
    for part in parts {
      var extents = part.shape.dimensions
      if isNew { extents.insert(1, at: min(resolved, extents.count)) }
      guard extents.count == rank, part.dtype == first.dtype else {
        throw WeighbridgeError(
          .mapping,
          "\(part.name) is \(part.dtype) \(part.shape), \(first.name) \(first.dtype) "
            + "\(first.shape)", entry: part.name)
      }
      let (sum, overflows) = total.addingReportingOverflow(extents[resolved])
      guard !overflows else {
        throw WeighbridgeError(.mapping, "the joined tensor is larger than any memory")
      }
      total = sum
      extents[resolved] = dimensions[resolved]
      guard extents == dimensions else {
        throw WeighbridgeError(
          .mapping, "\(part.shape) does not join \(first.shape) along axis \(resolved)",
          entry: part.name)
      }
    }
    dimensions[resolved] = total
    return MappedTensor(
      name: name, dtype: first.dtype, shape: try Shape.validated(dimensions, dtype: first.dtype),
      recipe: .joined(parts.map(\.recipe), axis: resolved, isNew: isNew),
      depth: depth(of: parts), reads: reads(of: parts),
      decidedLayout: isNew ? nil : first.decidedLayout)
  }
}

extension TensorChange {
  /// The tensor after the change. One that changes nothing leaves the recipe alone.
  func applied(to tensor: MappedTensor) throws -> MappedTensor {
    var copy = tensor
    switch self {
    case .permute(let axes):
      copy.shape = Shape(axes.map { tensor.shape[$0] })
      if axes == Array(0..<tensor.shape.rank) { return copy }
    case .reshape(let dimensions):
      copy.shape = Shape(dimensions)
      if copy.shape == tensor.shape { return copy }
    case .flip: break
    case .cast(let dtype):
      copy.dtype = dtype
      if dtype == tensor.dtype { return copy }
    }
    copy.recipe = .changed(tensor.recipe, self)
    copy.depth += 1
    return copy
  }

  /// The action that leads back from this change of this tensor.
  func inverse(on tensor: MappedTensor) -> Rule.Action {
    let pattern = NamePattern.exact(tensor.name)
    switch self {
    case .permute(let axes):
      var inverse = axes
      for (position, axis) in axes.enumerated() { inverse[axis] = position }
      return .permute(pattern, axes: inverse)
    case .reshape: return .reshape(pattern, shape: tensor.shape.dimensions)
    case .flip(let axis): return .flip(pattern, axis: axis)
    case .cast: return .cast(pattern, tensor.dtype)
    }
  }
}

extension DType {
  /// Whether every value of this dtype is also one of the other.
  package func converts(exactlyTo other: DType) -> Bool {
    if self == other { return true }
    switch (self, other) {
    case (.float8E5M2, .float16), (.float8E4M3, .float16), (.float8E5M2, .bfloat16),
      (.float8E4M3, .bfloat16), (.float8E5M2, .float32), (.float8E4M3, .float32):
      return true
    case (.float16, .float32), (.float16, .float64), (.bfloat16, .float32), (.bfloat16, .float64),
      (.float32, .float64):
      return true
    case (.bool, _), (.int8, .float16), (.uint8, .float16): return true
    case (.int8, .float32), (.uint8, .float32), (.int16, .float32), (.uint16, .float32): return true
    case (_, .float64): return byteCount <= 4
    case (_, .int64): return !isFloatingPoint && self != .uint64
    default: return false
    }
  }
}

extension StateDict {
  /// Keeps the first of tensors that share a name, and lists the name with all its sources.
  mutating func recordCollisions() {
    var groups: [ExactText: [Int]] = [:]
    for (index, tensor) in tensors.enumerated() {
      groups[ExactText(tensor.name), default: []].append(index)
    }
    let clashes = groups.filter { $0.value.count > 1 }
    guard !clashes.isEmpty else { return }
    var gone: Set<Int> = []
    for name in clashes.keys.sorted() {
      let indices = clashes[name] ?? []
      collisions.append(Collision(name: name.text, sources: indices.map { tensors[$0].source }))
      gone.formUnion(indices.dropFirst())
    }
    tensors = tensors.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
  }
}
