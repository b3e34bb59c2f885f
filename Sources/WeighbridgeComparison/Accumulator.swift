import Foundation
import WeighbridgeModules

extension Double {
  var logarithm10: Double { log10(self) }
}

/// The running sums and extremes of a comparison; partial ones of several threads are merged.
struct Accumulator: Sendable {
  /// An element by its row-major position.
  struct Spot: Sendable {
    var position: Int
    var got: Double
    var reference: Double
  }

  var squaredError = 0.0
  var squaredReference = 0.0
  var squaredGot = 0.0
  var product = 0.0
  /// No difference below it can be the largest of all: another thread has seen one of this size.
  var floor = 0.0
  var maxAbs = -1.0
  var worst: Spot?
  var referenceMax = 0.0
  var maxRel = 0.0
  var maxULP: UInt64 = 0
  var elementwiseRatio = 0.0
  var nonFinite = Figures.NonFinite()
  /// The first element that is non-finite and not the same on both sides, and its difference.
  var firstMismatch: Spot?
  var hasNaNMismatch = false
  /// Of float32 pairs.
  var scales: LocalScales?

  mutating func merge(_ other: Accumulator) {
    squaredError += other.squaredError
    squaredReference += other.squaredReference
    squaredGot += other.squaredGot
    product += other.product
    if other.maxAbs > maxAbs { (maxAbs, worst) = (other.maxAbs, other.worst) }
    referenceMax = max(referenceMax, other.referenceMax)
    maxRel = max(maxRel, other.maxRel)
    maxULP = max(maxULP, other.maxULP)
    elementwiseRatio = max(elementwiseRatio, other.elementwiseRatio)
    nonFinite.gotNaN += other.nonFinite.gotNaN
    nonFinite.gotInfinite += other.nonFinite.gotInfinite
    nonFinite.referenceNaN += other.nonFinite.referenceNaN
    nonFinite.referenceInfinite += other.nonFinite.referenceInfinite
    nonFinite.mismatched += other.nonFinite.mismatched
    firstMismatch = firstMismatch ?? other.firstMismatch
    hasNaNMismatch = hasNaNMismatch || other.hasNaNMismatch
    if let theirs = other.scales {
      if scales == nil { scales = theirs } else { scales?.merge(theirs) }
    }
  }

  /// Takes in one element whose difference and extremes are worth a closer look.
  @inline(__always)
  mutating func add(
    _ got: Double, _ reference: Double, ulps: UInt64, position: @autoclosure () -> Int,
    tolerance: ElementwiseTolerance?
  ) {
    guard got.isFinite && reference.isFinite else {
      addNonFinite(got, reference, position: position())
      return
    }
    let error = got - reference
    squaredError += error * error
    squaredReference += reference * reference
    squaredGot += got * got
    product += got * reference
    referenceMax = max(referenceMax, abs(reference))
    maxULP = max(maxULP, ulps)
    extremes(got, reference, position: position(), tolerance: tolerance)
  }

  /// Takes in what only the largest differences need.
  @inline(__always)
  mutating func extremes(
    _ got: Double, _ reference: Double, position: @autoclosure () -> Int,
    tolerance: ElementwiseTolerance?
  ) {
    let (size, scale) = (abs(got - reference), abs(reference))
    if size > maxAbs, size >= floor {
      maxAbs = size
      worst = Spot(position: position(), got: got, reference: reference)
    }
    if size > maxRel * scale, scale > 0 { maxRel = size / scale }
    if let tolerance, size > 0 {
      let allowed = tolerance.absolute + tolerance.relative * scale
      if size > elementwiseRatio * allowed { elementwiseRatio = size / allowed }
    }
  }

  private mutating func addNonFinite(_ got: Double, _ reference: Double, position: Int) {
    if got.isNaN { nonFinite.gotNaN += 1 } else if got.isInfinite { nonFinite.gotInfinite += 1 }
    if reference.isNaN {
      nonFinite.referenceNaN += 1
    } else if reference.isInfinite {
      nonFinite.referenceInfinite += 1
    }
    // What the reference is, it is whatever ours may be.
    if reference.isFinite {
      squaredReference += reference * reference
      referenceMax = max(referenceMax, abs(reference))
    }
    if got == reference || (got.isNaN && reference.isNaN) { return }
    nonFinite.mismatched += 1
    hasNaNMismatch = hasNaNMismatch || got.isNaN || reference.isNaN
    if firstMismatch == nil {
      firstMismatch = Spot(position: position, got: got, reference: reference)
    }
  }

  /// The figures of a tensor of this shape.
  func figures(shape: Shape, tolerance: ElementwiseTolerance?) -> Figures {
    var figures = Figures()
    let count = shape.elementCount
    figures.count = count
    figures.nonFinite = nonFinite
    guard count > 0 else {
      if tolerance != nil { figures.elementwiseRatio = 0 }
      return figures
    }
    figures.referenceRMS = (squaredReference / Double(count)).squareRoot()
    figures.referenceMax = referenceMax
    figures.localShare = scales?.largestShare
    figures.maxULP = maxULP
    let norms = squaredGot.squareRoot() * squaredReference.squareRoot()
    if norms > 0 {
      figures.cosine = min(1, max(-1, product / norms))
    } else {
      figures.cosine = squaredGot == squaredReference ? 1 : 0
    }
    if let firstMismatch {
      let extent = hasNaNMismatch ? Double.nan : .infinity
      (figures.maxAbs, figures.rms, figures.maxRel) = (extent, extent, extent)
      figures.cosine = .nan
      figures.maxULP = .max
      figures.worst = firstMismatch.element(in: shape)
      if tolerance != nil { figures.elementwiseRatio = .infinity }
    } else {
      figures.maxAbs = max(0, maxAbs)
      figures.rms = (squaredError / Double(count)).squareRoot()
      figures.maxRel = maxRel
      figures.worst = worst?.element(in: shape)
      if tolerance != nil { figures.elementwiseRatio = elementwiseRatio }
    }
    return figures
  }
}

extension Accumulator.Spot {
  /// The element by its index on every axis.
  func element(in shape: Shape) -> Figures.Element {
    var rest = position
    var index = [Int](repeating: 0, count: shape.rank)
    for axis in stride(from: shape.rank - 1, through: 0, by: -1) where shape[axis] > 0 {
      index[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    return Figures.Element(index: index, got: got, reference: reference)
  }
}
