import WeighbridgeModules
import WeighbridgeReferences

/// What is handed on in place of a computed tensor in the runs on recorded results. Every probe that
/// hands on recorded results asks here.
package enum Substitution {
  /// The recorded tensor in place of ours: of our dtype and layout, on addresses that every operator can
  /// use, and of our shape where it holds the same elements.
  ///
  /// - Parameter handsOnOtherShapes: Whether one of other extents is handed on, too, where it has as many
  ///   axes.
  /// - Returns: `nil` where it cannot take ours' place.
  /// - Throws: What a conversion throws.
  package static func of(
    _ recorded: Tensor, for ours: Tensor, handsOnOtherShapes: Bool
  ) throws -> Tensor? {
    guard recorded.dtype.isFloatingPoint, ours.dtype.isFloatingPoint else { return nil }
    if recorded.shape != ours.shape {
      if let reshaping = try Reshaping.between(ours, .whole(recorded)) {
        return try placed(reshaping.likeOurs(recorded), like: ours)
      }
      guard handsOnOtherShapes, mayTakeShape(ours, recorded) else { return nil }
      return try recorded.converted(to: ours.dtype).contiguous().aligned()
    }
    return try placed(recorded, like: ours)
  }

  /// The recorded tensors of a call in place of what it would return, without computing it; `nil` where
  /// one cannot be.
  ///
  /// - Throws: What a conversion throws.
  package static func standIn<Output: TensorBundle>(
    _ recorded: [Tensor], as type: Output.Type = Output.self
  ) throws -> Output? {
    guard recorded.allSatisfy(\.dtype.isFloatingPoint) else { return nil }
    let tensors = try recorded.map { try $0.converted(to: .float32).aligned() }
    return try? Output(tensors: tensors)
  }

  private static func placed(_ recorded: Tensor, like ours: Tensor) throws -> Tensor {
    try recorded.converted(to: ours.dtype).contiguous(ours.preferredFormat).aligned()
  }

  /// Whether a recorded tensor of other extents may be handed on: a module looks at as many axes as its
  /// own network gives it, and none of them is empty.
  private static func mayTakeShape(_ ours: Tensor, _ recorded: Tensor) -> Bool {
    recorded.rank == ours.rank && recorded.elementCount > 0
  }
}
