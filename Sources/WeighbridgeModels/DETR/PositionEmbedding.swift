import WeighbridgeModules

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// DETR's sine encoding of positions, [B, width, H, W], for a map [B, width, H, W] and a padding mask.
///
/// 2-D: the first half of the channels encodes the row, the second the column. A cell's position is
/// the count of unpadded cells up to and with it along the axis, divided by (the axis's count +
/// 1e-6), times 2π. 1-D: the position is the cell's number 1 … H·W in row order, as it is.
/// Channel i of n is sin, for odd i cos, of position / 10000^(2⌊i/2⌋/n).
struct PositionEmbedding: Module {
  let path: ModulePath
  private let width: Int
  private let isFlat: Bool
  private let cache = OperatorCache()

  init(_ w: WeightScope, width: Int, isFlat: Bool) {
    path = w.path
    self.width = width
    self.isFlat = isFlat
  }

  var kind: String { isFlat ? "PositionEmbeddingSine1d" : "PositionEmbeddingSine" }

  /// Computed in float64 and rounded once. Without padding the encoding depends on the map's size
  /// alone and is kept.
  func forward(_ input: PaddedFeatures) throws -> Tensor {
    let shape = input.features.shape
    let dtype = input.features.dtype
    let rows: Tensor
    if let padding = input.padding, !isFlat {
      rows = try encoded(shape, kept: padding.elements(as: Double.self).map { $0 == 0 }, dtype)
    } else {
      rows = try cache.value(.init("positions", [shape[2], shape[3]])) {
        let kept = [Bool](repeating: true, count: shape[2] * shape[3])
        return isFlat ? try numbered(shape, dtype) : try encoded(shape, kept: kept, dtype)
      }
    }
    return try rows.permuted([0, 3, 1, 2]).expanded(to: [shape[0], width, shape[2], shape[3]])
  }

  /// [1 or B, H, W, width] of cells that are kept or padding.
  private func encoded(_ shape: Shape, kept: [Bool], _ dtype: DType) throws -> Tensor {
    let (height, columns) = (shape[2], shape[3])
    let grid = PositionGrid(height: height, width: columns, kept: kept)
    let images = kept.count / max(1, height * columns)
    return try Tensor(grid.encoded(channels: width), shape: [images, height, columns, width])
      .converted(to: dtype)
  }

  /// [1, H, W, width] of the cells' running numbers.
  private func numbered(_ shape: Shape, _ dtype: DType) throws -> Tensor {
    let encoder = SineEncoder(channels: width)
    let rows = (0..<(shape[2] * shape[3])).flatMap { encoder.encoding(of: Double($0 + 1)) }
    return try Tensor(rows, shape: [1, shape[2], shape[3], width]).converted(to: dtype)
  }
}

/// Sine and cosine of a position at each frequency.
private struct SineEncoder {
  let divisors: [Double]

  init(channels: Int) {
    divisors = (0..<(channels / 2)).map { pow(10_000, Double(2 * $0) / Double(channels)) }
  }

  func encoding(of position: Double) -> [Double] {
    divisors.flatMap { [sin(position / $0), cos(position / $0)] }
  }
}

/// The unpadded cells of some images.
private struct PositionGrid {
  let height, width: Int
  let kept: [Bool]

  /// [images, height, width, channels].
  func encoded(channels: Int) -> [Double] {
    let rows = positions(step: width, count: height)
    let columns = positions(step: 1, count: width)
    let encoder = SineEncoder(channels: channels / 2)
    var known: [Double: [Double]] = [:]
    var result: [Double] = []
    result.reserveCapacity(kept.count * channels)
    for cell in kept.indices {
      for position in [rows[cell], columns[cell]] {
        let encoding = known[position] ?? encoder.encoding(of: position)
        known[position] = encoding
        result += encoding
      }
    }
    return result
  }

  /// Every cell's position along the axis whose cells are `step` apart.
  private func positions(step: Int, count: Int) -> [Double] {
    var result = [Double](repeating: 0, count: kept.count)
    let plane = height * width
    for start in 0..<kept.count where (start % plane) / step % count == 0 {
      var total = 0.0
      for index in 0..<count {
        total += kept[start + index * step] ? 1 : 0
        result[start + index * step] = total
      }
      for index in 0..<count {
        result[start + index * step] *= 2 * Double.pi / (total + 1e-6)
      }
    }
    return result
  }
}
