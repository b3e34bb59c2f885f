import WeighbridgeModules
import WeighbridgeReferences

/// A closer look at one wrong tensor, small enough to draw.
public struct LayerDetail: Sendable, Hashable {
  /// A plane of the tensor in cells; a cell that stands for several elements shows the one with the
  /// largest error.
  public struct Plane: Sendable, Hashable {
    /// The tensor's index on the axes before the last two.
    public var lead: [Int]
    /// The cells below each other.
    public var rows: Int
    /// The cells beside each other.
    public var columns: Int
    /// Our values, row by row.
    public var got: [Float]
    /// The recorded values, row by row.
    public var reference: [Float]
  }

  /// One element.
  public struct Pair: Sendable, Hashable {
    /// Our value.
    public var got: Float
    /// The recorded value.
    public var reference: Float
  }

  /// The tensor that it is of.
  public var line: Line
  /// The plane that holds the worst element.
  public var plane: Plane
  /// Elements spread evenly over the tensor, and the worst.
  public var sample: [Pair]
  /// The RMS of the error along axis 1 (for two axes and fewer: along the last), in at most
  /// `channelLimit` groups of neighbours.
  public var channelErrors: [Double]
  /// How many channels each of `channelErrors` stands for.
  public var channelsPerGroup: Int

  package static let planeLimit = 48
  package static let sampleLimit = 500
  package static let channelLimit = 96
}

extension LayerDetail {
  /// Looks at two tensors of one shape.
  ///
  /// - Throws: when they are descriptors or of dtypes that are no numbers.
  package init(_ line: Line, got: Tensor, reference: Tensor, worst: [Int]) throws {
    let a = try got.converted(to: .float32).elements(as: Float.self)
    let b = try reference.converted(to: .float32).elements(as: Float.self)
    let shape = got.shape
    self.line = line
    plane = LayerDetail.plane(a, b, shape, worst)
    let step = max(1, a.count / LayerDetail.sampleLimit)
    sample = stride(from: 0, to: a.count, by: step).map { Pair(got: a[$0], reference: b[$0]) }
    let position = zip(worst, shape).reduce(0) { $0 * $1.1 + $1.0 }
    if a.indices.contains(position) {
      sample.append(Pair(got: a[position], reference: b[position]))
    }
    (channelErrors, channelsPerGroup) = LayerDetail.channels(a, b, shape)
  }

  private static func plane(
    _ a: [Float], _ b: [Float], _ shape: Shape, _ worst: [Int]
  ) -> Plane {
    let rowCount = shape.rank >= 2 ? shape[shape.rank - 2] : 1
    let columnCount = shape.rank >= 1 ? shape[shape.rank - 1] : 1
    let lead = Array(worst.dropLast(2))
    let start = zip(lead, shape).reduce(0) { $0 * $1.1 + $1.0 } * rowCount * columnCount
    let (rows, columns) = (min(planeLimit, rowCount), min(planeLimit, columnCount))
    var plane = Plane(lead: lead, rows: rows, columns: columns, got: [], reference: [])
    for row in 0..<rows {
      for column in 0..<columns {
        var best = (position: -1, error: -Float.infinity)
        for y in (row * rowCount / rows)..<((row + 1) * rowCount / rows) {
          for x in (column * columnCount / columns)..<((column + 1) * columnCount / columns) {
            let position = start + y * columnCount + x
            guard a.indices.contains(position) else { continue }
            let error = abs(a[position] - b[position])
            if best.position < 0 || error > best.error || error.isNaN { best = (position, error) }
          }
        }
        plane.got.append(best.position < 0 ? 0 : a[best.position])
        plane.reference.append(best.position < 0 ? 0 : b[best.position])
      }
    }
    return plane
  }

  private static func channels(
    _ a: [Float], _ b: [Float], _ shape: Shape
  ) -> ([Double], Int) {
    guard shape.rank > 0, !a.isEmpty else { return ([], 1) }
    let axis = shape.rank > 2 ? 1 : shape.rank - 1
    let count = shape[axis]
    let inner = shape.dropFirst(axis + 1).reduce(1, *)
    let perGroup = (count + channelLimit - 1) / channelLimit
    var sums = [Double](repeating: 0, count: (count + perGroup - 1) / perGroup)
    var sizes = [Double](repeating: 0, count: sums.count)
    for position in a.indices {
      let group = position / inner % count / perGroup
      let error = Double(a[position]) - Double(b[position])
      sums[group] += error * error
      sizes[group] += 1
    }
    return (zip(sums, sizes).map { ($0 / max(1, $1)).squareRoot() }, perGroup)
  }
}
