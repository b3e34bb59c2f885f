import Foundation

/// Errors beside the size of what they stand next to: a few dozen neighbouring elements at a time, of one
/// channel in an image whose channels come last.
///
/// A tensor's RMS and its largest element say nothing of the small ones beside a huge one. So the error
/// of every such group is held against the group's own RMS and what is usual in the tensor: the lower
/// quartile of all groups' RMS, so that an element that a rectifier just let through counts little.
struct LocalScales: Sendable {
  /// Mean squares of float32 values span 2⁻²⁹⁸ to 2²⁵⁶; a class holds two octaves of them.
  private static let lowest = -300
  private static let classCount = 280
  /// Of groups by the mean square of their reference: how many, and the largest mean square error.
  private var classes: [(count: Int, error: Double)] = []
  /// The largest mean square error of groups whose reference is all zeros.
  private var errorBesideZeros = 0.0

  /// Takes in a group by its sums over `count` elements.
  mutating func add(squaredError: Double, squaredReference: Double, count: Int) {
    let (error, size) = (squaredError / Double(count), squaredReference / Double(count))
    guard size > 0 else {
      errorBesideZeros = max(errorBesideZeros, error)
      return
    }
    if classes.isEmpty { classes = Array(repeating: (0, 0), count: Self.classCount) }
    let index = min(Self.classCount - 1, max(0, (Int(size.exponent) - Self.lowest) / 2))
    classes[index].count += 1
    if error > classes[index].error { classes[index].error = error }
  }

  mutating func merge(_ other: LocalScales) {
    errorBesideZeros = max(errorBesideZeros, other.errorBesideZeros)
    guard !other.classes.isEmpty else { return }
    guard !classes.isEmpty else {
      classes = other.classes
      return
    }
    for index in classes.indices where other.classes[index].count > 0 {
      classes[index].count += other.classes[index].count
      classes[index].error = max(classes[index].error, other.classes[index].error)
    }
  }

  /// The largest RMS error of a group over the sum of its own RMS and the tensor's usual one; 0 where no
  /// group has any element but 0.
  var largestShare: Double {
    let total = classes.reduce(0) { $0 + $1.count }
    guard total > 0 else { return 0 }
    var (usual, seen) = (0.0, 0)
    for (index, found) in classes.enumerated() {
      seen += found.count
      if seen * 4 >= total {
        usual = Self.size(index)
        break
      }
    }
    let zeros = errorBesideZeros.squareRoot() / usual
    return classes.enumerated().reduce(zeros) { largest, found in
      found.element.error > 0
        ? max(largest, found.element.error.squareRoot() / (Self.size(found.offset) + usual))
        : largest
    }
  }

  /// The least RMS of a class.
  private static func size(_ index: Int) -> Double {
    exp2(Double(2 * index + lowest) / 2)
  }
}
