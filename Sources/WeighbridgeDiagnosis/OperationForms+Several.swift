import WeighbridgeCauses
import WeighbridgeModules

/// Forms of several operations at once.
extension OperationForms.Forms {
  func ofSeveral() -> [Change] {
    chunkOrders() + headCounts() + alignedCorners() + rolls()
  }

  /// The equal parts of one tensor, given in another order: q, k and v, or a gate and its value.
  private func chunkOrders() -> [Change] {
    struct Part { let index: Int; let start: Int }
    var groups: [[Part]] = []
    var keys: [(source: Tensor, axis: Int, length: Int)] = []
    for one in computation.operations {
      guard case .narrow(let axis, let start, let length)? = one.operation as? LayoutOperation,
        let source = one.operands.first, length > 0, source.shape[axis] % length == 0
      else { continue }
      let part = Part(index: one.index, start: start)
      if let known = keys.firstIndex(where: {
        $0.axis == axis && $0.length == length && $0.source.isSameElements(as: source)
      }) {
        groups[known].append(part)
      } else {
        keys.append((source, axis, length))
        groups.append([part])
      }
    }
    return zip(keys, groups).flatMap { key, parts -> [Change] in
      guard (2...4).contains(parts.count), parts.count * key.length == key.source.shape[key.axis],
        Set(parts.map(\.start)).count == parts.count
      else { return [] }
      let own = Array(parts.indices)
      let (axis, length) = (key.axis, key.length)
      let permuted = Self.permutations(own).filter { $0 != own }.map { order in
        computation.change(
          parts.count == 3 ? .qkvOrder : .branchOrder,
          "the parts of axis \(axis) of \(computation.words(key.source)) are used in the order \(own) "
            + "here and \(order) in the reference",
          fix: "take the parts of axis \(axis) in the order \(order)", for: suspect,
          Dictionary(
            zip(parts, order).map { part, other in
              let start = parts[other].start
              return (
                part.index,
                { try $0.checked(0).narrowed(axis, start: start, length: length) }
              )
            }, uniquingKeysWith: { first, _ in first }))
      }
      let count = parts.count
      let interleaved = computation.change(
        .headsInterleaved,
        "the \(count) parts of axis \(axis) of \(computation.words(key.source)) alternate in the "
          + "reference", fix: "take every \(count)th element of axis \(axis)", distance: 1,
        for: suspect,
        Dictionary(
          parts.map { part in
            let first = part.start / length
            return (part.index, { try $0.checked(0).strided(axis, start: first, step: count) })
          }, uniquingKeysWith: { first, _ in first }))
      return permuted + [interleaved]
    }
  }

  /// Another number of heads: every split of features into heads, and the scale that follows from it.
  private func headCounts() -> [Change] {
    var splits: [(index: Int, dimensions: [Int], axis: Int)] = []
    for one in computation.operations {
      guard case .reshape(let dimensions)? = one.operation as? LayoutOperation,
        let source = one.operands.first, dimensions.count > source.rank, dimensions.count >= 4
      else { continue }
      splits.append((one.index, dimensions, dimensions.count - 2))
    }
    guard let first = splits.first, splits.count <= 8 else { return [] }
    let (heads, size) = (first.dimensions[first.axis], first.dimensions[first.axis + 1])
    let width = heads * size
    guard
      splits.allSatisfy({
        $0.dimensions[$0.axis] == heads && $0.dimensions[$0.axis + 1] == size
      }), width > 1, width <= 1 << 16
    else { return [] }
    let scale = 1 / Double(size).squareRoot()
    return (1...min(64, width)).filter { width % $0 == 0 && $0 != heads }.map { other in
      var replacements: [Int: ChangedOperations.Replacement] = [:]
      for split in splits {
        var dimensions = split.dimensions
        (dimensions[split.axis], dimensions[split.axis + 1]) = (other, width / other)
        let changed = dimensions
        replacements[split.index] = { try $0.checked(0).reshaped(changed) }
      }
      let theirs = 1 / Double(width / other).squareRoot()
      for one in computation.operations {
        switch one.operation as? EngineOperation {
        case .attention(let own)? where abs(own - scale) < 1e-6 * scale:
          replacements[one.index] = { try EngineOperation.attention(scale: theirs).result(of: $0) }
        case .unary(.affine(let own, 0))? where abs(own - scale) < 1e-6 * scale:
          replacements[one.index] = { try $0.checked(0).affine(scale: theirs) }
        default: break
        }
      }
      return computation.change(
        .headsCount, "there are \(heads) heads here and \(other) in the reference",
        fix: "use \(other) heads", distance: 1, for: suspect, replacements)
    }
  }

  /// The grid and the sampling together.
  private func alignedCorners() -> [Change] {
    var replacements: [Int: ChangedOperations.Replacement] = [:]
    for one in computation.operations {
      switch one.operation as? EngineOperation {
      case .gridSample(let corners)?:
        replacements[one.index] = {
          try EngineOperation.gridSample(alignCorners: !corners).result(of: $0)
        }
      case .affineGrid(let size, let corners)?:
        replacements[one.index] = {
          try EngineOperation.affineGrid(size: size, alignCorners: !corners).result(of: $0)
        }
      default: break
      }
    }
    guard replacements.count > 1 else { return [] }
    return [
      computation.change(
        .alignCorners, "align_corners is the other way round in the reference",
        fix: "exchange alignCorners in the grid and in the sampling", for: suspect, replacements)
    ]
  }

  /// Axes that are rolled the other way (`torch.roll`): one of them, those that one tensor is rolled along,
  /// and all of the forward's.
  private func rolls() -> [Change] {
    let single = computation.operations.compactMap(roll)
    var chains: [[Roll]] = []
    for one in single {
      if let known = chains.firstIndex(where: {
        $0.last?.result.isSameElements(as: one.source) == true
      }) {
        chains[known].append(one)
      } else {
        chains.append([one])
      }
    }
    var tried: Set<[Int]> = []
    return (single.map { [$0] } + chains + [single]).compactMap { rolls in
      let turned = rolls.filter { $0.shift * 2 != $0.length }
      guard !turned.isEmpty, tried.insert(turned.map(\.index)).inserted else { return nil }
      let axes = turned.map { "\($0.axis)" }.joined(separator: ", ")
      let here = turned.map { "\($0.amount)" }.joined(separator: ", ")
      let there = turned.map { "\(-$0.amount)" }.joined(separator: ", ")
      var replacements: [Int: ChangedOperations.Replacement] = [:]
      for roll in turned {
        replacements[roll.index] = {
          try roll.operation.result(of: $0).rolled([2 * roll.shift], axes: [roll.axis])
        }
      }
      return computation.change(
        .rollDirection,
        "\(computation.words(turned[0].source)) is rolled by \(here) along axis \(axes) here and by "
          + "\(there) in the reference", fix: "roll by \(there)", for: suspect, replacements)
    }
  }

  /// A tensor's rear part before its front.
  private struct Roll: Sendable {
    let index: Int
    let operation: any TensorOperation
    let source, result: Tensor
    let axis: Int
    /// The front's length: by so much the tensor is rolled towards its beginning.
    let shift: Int
    let length: Int

    /// The same with the sign of `torch.roll`, the shorter way round.
    var amount: Int { 2 * shift > length ? length - shift : -shift }
  }

  private func roll(_ one: ObservedOperation) -> Roll? {
    guard case .concatenate(let axis)? = one.operation as? LayoutOperation,
      one.operands.count == 2, let rear = part(one.operands[0]), let front = part(one.operands[1]),
      rear.axis == axis, front.axis == axis, front.start == 0, rear.start == front.length,
      rear.source.isSameElements(as: front.source),
      rear.start + rear.length == rear.source.shape[axis]
    else { return nil }
    return Roll(
      index: one.index, operation: one.operation, source: rear.source, result: one.result,
      axis: axis, shift: front.length, length: rear.source.shape[axis])
  }

  /// What a tensor is a slice of.
  private func part(_ tensor: Tensor) -> (source: Tensor, axis: Int, start: Int, length: Int)? {
    guard let maker = computation.maker(of: tensor), let source = maker.operands.first,
      case .narrow(let axis, let start, let length)? = maker.operation as? LayoutOperation
    else { return nil }
    return (source, axis, start, length)
  }
}

extension Tensor {
  /// Whether both are the same view of the same memory.
  func isSameElements(as other: Tensor) -> Bool {
    storage != nil && storage === other.storage && offset == other.offset && shape == other.shape
      && strides == other.strides
  }
}
