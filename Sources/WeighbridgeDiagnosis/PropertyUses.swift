import WeighbridgeCauses
import WeighbridgeModules

/// An operation of a forward that computes with one of its module's own tensors.
struct PropertyUse: Sendable {
  let index: Int
  let operation: any TensorOperation
  /// Which operand it is.
  let operand: Int
  /// The operand's shape: a vector is often brought to [1, C, 1, 1] before.
  let shape: Shape
  let property: (name: String, tensor: Tensor)

  /// The operation with a function of the tensor in its place.
  func replaced(
    by change: @escaping @Sendable (Tensor) throws -> Tensor
  ) -> ChangedOperations.Replacement {
    let (operation, operand, shape, tensor) = (operation, operand, shape, property.tensor)
    return { operands in
      let other = try change(tensor).contiguous().reshaped(Array(shape))
      return try operation.result(of: operands.replacing(operand, other))
    }
  }
}

extension Computation {
  /// Where the forward computes with its module's own tensors, whole and in their order.
  var uses: [PropertyUse] {
    operations.flatMap { one in
      one.operands.enumerated().compactMap { index, operand in
        guard one.operation is EngineOperation,
          let property = explorer.properties.first(where: { $0.tensor.isWholly(operand) })
        else { return nil }
        return PropertyUse(
          index: one.index, operation: one.operation, operand: index, shape: operand.shape,
          property: property)
      }
    }
  }
}

/// A module's own tensor that stands where another module's should, of the same name and shape: two
/// blocks' scales.
struct PropertySwaps: Hypothesis {
  var isOfForward: Bool { false }

  /// How many modules' tensors are tried in a module's place.
  private static let limit = 64

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    ([suspect.own] + suspect.around).filter { !$0.properties.isEmpty }.flatMap { explorer in
      let computation = Computation(explorer, suspect.key, context)
      return computation.uses.flatMap { use in
        others(use, explorer, context).map { path, tensor in
          change(use, explorer, path, tensor, suspect, context)
        }
      }
    }
  }

  private func others(
    _ use: PropertyUse, _ explorer: Explorer, _ context: DiagnosisContext
  ) -> [(ModulePath, Tensor)] {
    let alike = context.properties.lazy
      .filter { $0.kind == explorer.kind && $0.path != explorer.path }
      .compactMap { module -> (ModulePath, Tensor)? in
        module.tensors.first {
          $0.name == use.property.name && $0.tensor.shape == use.property.tensor.shape
        }.map { (module.path, $0.tensor) }
      }
    return Array(alike.prefix(Self.limit))
  }

  private func change(
    _ use: PropertyUse, _ explorer: Explorer, _ path: ModulePath, _ tensor: Tensor,
    _ suspect: Suspect, _ context: DiagnosisContext
  ) -> Change {
    let (mine, theirs) = (explorer.path / use.property.name, path / use.property.name)
    let isMutual = context.failing.contains { $0 == path || path.isAncestor(of: $0) }
    let cause = Cause(
      .tensorsSwapped,
      isMutual
        ? "\(mine) and \(theirs) hold each other's values"
        : "the reference has the values of \(theirs) in \(mine), too",
      fix: .code(
        isMutual
          ? "exchange \(mine) and \(theirs) in the checkpoint"
          : "load \(mine) from what is now in \(theirs)"))
    return Change(cause, explorer, distance: isMutual ? 0 : 1) {
      try explorer.observed(
        ChangedOperations([use.index: use.replaced { _ in tensor }]), suspect.key)
    }
  }
}

extension Tensor {
  /// Whether another tensor is this one's memory, all of it and in order.
  fileprivate func isWholly(_ other: Tensor) -> Bool {
    storage != nil && storage === other.storage && offset == other.offset && dtype == other.dtype
      && elementCount == other.elementCount && isContiguous && other.isContiguous
  }
}
