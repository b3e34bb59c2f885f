import WeighbridgeParallel
import WeighbridgeTensors

/// A loop over an output and two operands of one (broadcast) shape, with axes ordered by the
/// output's memory and merged where all three step evenly.
struct StridedLoop {
  private var extents: [Int] = []
  private var steps: [Steps] = []

  /// The steps within a run.
  private(set) var innerSteps: Steps = (output: 1, a: 1, b: 1)
  /// The length of a run, and of the whole innermost axis, of which it is a part.
  private var runLength = 1
  private var inner = 1

  typealias Steps = (output: Int, a: Int, b: Int)

  init(shape: Shape, output: [Int], a: [Int], b: [Int]) {
    let axes = shape.indices.filter { shape[$0] != 1 }.sorted { output[$0] > output[$1] }
    for axis in axes {
      let extent = shape[axis]
      let step = (output: output[axis], a: a[axis], b: b[axis])
      if let last = steps.indices.last, steps[last].output == step.output * extent,
        steps[last].a == step.a * extent, steps[last].b == step.b * extent
      {
        extents[last] *= extent
        steps[last] = step
      } else {
        extents.append(extent)
        steps.append(step)
      }
    }
    if let extent = extents.popLast(), let step = steps.popLast() {
      inner = extent
      innerSteps = step
    }
    divideLongRuns()
  }

  /// The most elements of a run; a longer axis is divided, so that threads can share it.
  private static let longestRun = 16384

  private mutating func divideLongRuns() {
    let pieces = max(1, (inner + Self.longestRun - 1) / Self.longestRun)
    runLength = (inner + pieces - 1) / pieces
    guard pieces > 1 else { return }
    extents.append(pieces)
    steps.append(
      (innerSteps.output * runLength, innerSteps.a * runLength, innerSteps.b * runLength))
  }

  /// Calls `body` in parallel with the index of the first element in the output and in both
  /// operands, and the length of the run, for every run along the innermost axis.
  @inline(__always)
  func forEachRun(_ body: (_ output: Int, _ a: Int, _ b: Int, _ count: Int) -> Void) {
    guard inner > 0 else { return }
    let lines = extents.reduce(1, *)
    let grain = max(1, 2 * Self.longestRun / runLength)
    let isDivided = runLength < inner
    Parallel.forRanges(lines, grain: grain) { range in
      var line = range.lowerBound
      while line < range.upperBound {
        // One division per stretch of the last of the outer axes, along which it only steps on.
        var (first, position) = start(ofLine: line)
        let step = steps.last ?? (0, 0, 0)
        let stretch = min((extents.last ?? 1) - position, range.upperBound - line)
        for _ in 0..<stretch {
          body(
            first.output, first.a, first.b,
            isDivided ? max(0, min(runLength, inner - position * runLength)) : runLength)
          first.output += step.output
          first.a += step.a
          first.b += step.b
          position += 1
        }
        line += stretch
      }
    }
  }

  /// Where a run begins, and its position on the last of the outer axes.
  private func start(ofLine line: Int) -> (first: Steps, position: Int) {
    var first: Steps = (0, 0, 0)
    var rest = line
    for axis in stride(from: extents.count - 1, through: 0, by: -1) {
      let (quotient, position) = rest.quotientAndRemainder(dividingBy: extents[axis])
      rest = quotient
      first.output += position * steps[axis].output
      first.a += position * steps[axis].a
      first.b += position * steps[axis].b
    }
    return (first, extents.last.map { line % $0 } ?? 0)
  }
}
