import WeighbridgeModules
import WeighbridgeReferences

/// How large an error can be that a recording does not show, because it was made in a coarser dtype
/// than float32: its own rounding covers it.
public struct Blindness: Sendable, Hashable {
  /// The coarsest dtype that something was made in.
  public var dtype: DType
  /// The dtype of autocast, where it was on.
  public var autocast: DType?
  /// How many compared tensors it is about.
  public var count: Int
  /// The share of a tensor's RMS that an error can be and not show: in the middle of all such tensors.
  public var usual: Double
  /// The same where it is largest.
  public var largest: Double
  /// Where that is.
  public var worst: String

  /// `nil` where everything was made in float32, or judged element by element.
  package init?(_ layers: [LayerVerdict], _ conditions: RecordingConditions) {
    let found = layers.compactMap { layer in
      layer.hides.map { (share: $0, name: layer.name, dtype: layer.rounding.dtype) }
    }.sorted { $0.share < $1.share }
    guard let last = found.last else { return nil }
    dtype = found.reduce(.float32) { Rounding.coarser($0, $1.dtype) }
    autocast = conditions.autocast
    count = found.count
    usual = found[found.count / 2].share
    (largest, worst) = (last.share, last.name)
  }

  /// Why nothing is proved where errors of half of the values' size do not show in most places.
  package var gap: Gap? { usual >= 0.5 ? .coarse(dtype) : nil }
}
