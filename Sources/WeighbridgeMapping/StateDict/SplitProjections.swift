import WeighbridgeTensors

/// Queries', keys' and values' projections that lie apart, as `q_proj`, `k_proj` and `v_proj`, where
/// PyTorch's `MultiheadAttention` has them as the rows of one `in_proj_weight` and `in_proj_bias`.
struct SplitProjections {
  /// The rule that joins them.
  let rule: Rule
  /// The same on the file's names, wrappers and all.
  let fileRule: Rule

  private static let names = ["q_proj", "k_proj", "v_proj"]

  /// The complete triples of a state dict that has none of what they become, in its order.
  static func complete(_ tensors: [MappedTensor]) -> [SplitProjections] {
    guard tensors.contains(where: { $0.name.contains(names[0]) }) else { return [] }
    let byName = Dictionary(tensors.map { (ExactText($0.name), $0) }) { first, _ in first }
    return tensors.compactMap { tensor in
      for (part, rank) in [("weight", 2), ("bias", 1)] {
        let end = "\(names[0]).\(part)"
        guard tensor.name == end || tensor.name.hasSuffix("." + end), tensor.shape.rank == rank
        else { continue }
        let module = tensor.name.dropLast(end.count)
        let others = names.dropFirst().compactMap { byName[ExactText("\(module)\($0).\(part)")] }
        let whole = "\(module)in_proj_\(part)"
        guard others.count == 2, byName[ExactText(whole)] == nil,
          others.allSatisfy({ $0.shape == tensor.shape && $0.dtype == tensor.dtype })
        else { continue }
        func rule(_ name: (MappedTensor, String) -> String) -> Rule {
          Rule(
            .concatenate(
              .exact(name(tensor, tensor.name)),
              with: others.map { name($0, $0.name).escapingDollars }, axis: 0,
              into: name(tensor, whole).escapingDollars))
        }
        return SplitProjections(rule: rule { $1 }, fileRule: rule { $0.fileName(of: $1) })
      }
      return nil
    }
  }
}
