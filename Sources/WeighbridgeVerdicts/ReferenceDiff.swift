/// The difference of two references: the same model recorded twice, by two versions of PyTorch, on
/// two machines, or through two exports.
///
/// Every activation that both recorded is judged as a layer is: its error over the noise that both
/// recorded for themselves, or element by element where neither did. Nothing runs, so that only the
/// first failure is a cause for certain; those after it may be its consequence.
public struct ReferenceDiff: Sendable {
  /// The layers, outputs and inputs that both have, and what is the matter with them.
  public let verdict: Verdict
  /// The entries beside inputs, outputs and activations, such as labels.
  package let others: TensorDiff
  /// Tensors that are the same to the last bit.
  public let equalCount: Int
  package let different: [TensorDiff.Entry]

  /// Whether both have the same names and values, within noise or the tolerance.
  public var holds: Bool { verdict.passes }

  package init(
    verdict: Verdict, others: TensorDiff, equalCount: Int, different: [TensorDiff.Entry]
  ) {
    (self.verdict, self.others) = (verdict, others)
    (self.equalCount, self.different) = (equalCount, different)
  }
}
