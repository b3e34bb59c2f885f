import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

/// The order of axes in which parameters are written.
public enum ExportLayout: String, Sendable, Hashable, CaseIterable {
  /// PyTorch's: kernels are [out, in, height, width].
  case pytorch
  /// MLX's: the channels that a kernel reads come last, as in `mlx.nn.Conv2d`. Counters of batches,
  /// which MLX's norms do not have, are left out.
  case mlx

  /// Texts by which readers know the layout.
  var metadata: [String: String] { self == .mlx ? ["format": "mlx"] : [:] }

  /// The texts that go into a file of a format: `mlx.core.load` refuses an npz that holds any.
  func metadata(
    _ texts: [String: String], in format: CheckpointFormat
  ) -> [String: String] {
    self == .mlx && format == .npz ? [:] : texts
  }

  /// The items in this order.
  ///
  /// - Throws: `unsupported` for a kernel that MLX has no layer for.
  func arranged(_ items: [Export.Item], _ ledger: Ledger) throws -> [Export.Item] {
    guard self == .mlx else { return items }
    let roles = Dictionary(ledger.requests.map { ($0.name, $0.role) }) { first, _ in first }
    return items.compactMap { item in
      let axes: [Int]
      switch roles[item.name] {
      case .counter: return nil
      case .convolutionWeight: axes = [0, 2, 3, 1]
      case .sequenceConvolutionWeight: axes = [0, 2, 1]
      // PyTorch's is [in, out, height, width].
      case .transposedConvolutionWeight: axes = [1, 2, 3, 0]
      default: return item
      }
      guard item.shape.rank == axes.count else { return item }
      return Export.Item(
        name: item.name, dtype: item.dtype, shape: Shape(axes.map { item.shape[$0] }),
        read: { try item.read().permuted(axes).contiguous() })
    }
  }
}
