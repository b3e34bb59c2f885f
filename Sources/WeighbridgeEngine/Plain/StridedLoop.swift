import WeighbridgeParallel
import WeighbridgeTensors

/// A loop over an output and two operands of one (broadcast) shape, with axes ordered by the
/// output's memory and merged where all three step evenly.
struct StridedLoop {
  private var extents: [Int] = []
  private var steps: [(output: Int, a: Int, b: Int)] = []

  /// The steps of the innermost axis.
  private(set) var innerSteps = (output: 1, a: 1, b: 1)
  private var inner = 1
  private var outer = 1

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
    outer = extents.reduce(1, *)
  }

  /// The most elements of a run that one call gets; a longer run is divided between threads.
  private static let longestRun = 16384

  /// Calls `body` in parallel with the index of the first element in the output and in both
  /// operands, and the length of the run, for every run along the innermost axis.
  @inline(__always)
  func forEachRun(_ body: (_ output: Int, _ a: Int, _ b: Int, _ count: Int) -> Void) {
    let pieces = max(1, (inner + Self.longestRun - 1) / Self.longestRun)
    let length = (inner + pieces - 1) / max(1, pieces)
    let grain = max(1, Self.longestRun / max(1, length))
    Parallel.forRanges(outer * pieces, grain: grain) { range in
      for index in range {
        let start = index % pieces * length
        let count = min(length, inner - start)
        guard count > 0 else { continue }
        var first = (
          output: start * innerSteps.output, a: start * innerSteps.a, b: start * innerSteps.b
        )
        var rest = index / pieces
        for axis in stride(from: extents.count - 1, through: 0, by: -1) {
          let (quotient, position) = rest.quotientAndRemainder(dividingBy: extents[axis])
          rest = quotient
          first.output += position * steps[axis].output
          first.a += position * steps[axis].a
          first.b += position * steps[axis].b
        }
        body(first.output, first.a, first.b, count)
      }
    }
  }
}
