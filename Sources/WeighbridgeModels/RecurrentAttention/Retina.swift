import WeighbridgeModules

/// Square crops of growing size around a location, each averaged down to g×g: images [B, C, H, W]
/// and locations [B, 2] as (x, y) in −1…1 → [B, k·C·g·g], in the order patch, channel, row, column.
///
/// A crop of size n starts at trunc(½·((l + 1)·H)), for x too, in the image with n / 2 zeros on
/// each side. That index is computed in float32 whatever the model runs in: float64 flips it next to
/// grid points.
public struct Retina: Architecture {
  public static let id = "retina"
  public static let summary = "Crops of growing size around a location, averaged to one size"

  public static let keys: [ConfigurationKey] = retinaKeys(g: nil, k: nil, s: nil)

  public let path: ModulePath
  private let geometry: RetinaGeometry

  /// From the keys `g`, `k` and `s`: the side of a patch, the number of patches, and how many times
  /// larger each crop is than the one before.
  ///
  /// - Throws: `usage` for values that `check` refuses.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    path = w.path
    geometry = try RetinaGeometry(configuration)
  }

  /// Without weights there is nothing to recognise.
  public static func recognizes(_ shapes: StateDictShapes) -> Bool { false }

  public static func check(_ configuration: Configuration) throws {
    _ = try RetinaGeometry(configuration)
  }

  public func forward(_ input: GlimpseInput) throws -> Tensor {
    try input.check()
    let starts = try input.starts()
    let side = Pair(geometry.side)
    let patches = try geometry.sizes.map { size in
      let crops = try starts.enumerated().map { index, start in
        try crop(input.image.narrowed(0, start: index, length: 1), at: start, size: size)
      }
      let patch = try Tensor.concatenated(crops, axis: 0)
      guard size != geometry.side else { return patch }
      return try patch.pooled(
        PoolingGeometry(.average(countIncludePad: true), kernel: Pair(size / side.width)))
    }
    return try Tensor.concatenated(patches, axis: 1).flattened(from: 1)
  }

  /// The crop [1, C, size, size] that starts at `start` of the padded image.
  private func crop(_ image: Tensor, at start: Pair<Int>, size: Int) throws -> Tensor {
    let margin = size / 2
    let rows = try span(start.height, size, margin, image.shape[2], "row")
    let columns = try span(start.width, size, margin, image.shape[3], "column")
    let part = try image.narrowed(2, start: rows.start, length: rows.length)
      .narrowed(3, start: columns.start, length: columns.length)
    return try part.padded([
      (rows.before, size - rows.before - rows.length),
      (columns.before, size - columns.before - columns.length),
    ])
  }

  /// What a crop takes of one axis: zeros before, and elements from a start on.
  ///
  /// - Throws: `shape` when the crop leaves the padded image, as one of odd size does at l = 1 and
  ///   any may where an image is wider or narrower than high.
  private func span(
    _ first: Int, _ size: Int, _ margin: Int, _ extent: Int, _ axis: String
  ) throws -> (before: Int, start: Int, length: Int) {
    guard first >= 0, first + size <= extent + 2 * margin else {
      throw WeighbridgeError(
        .shape,
        "a crop of \(size)×\(size) from \(axis) \(first) on leaves the image, whose \(extent) "
          + "\(axis)s have \(margin) zeros on each side",
        remedy: "Use a location farther from the edge, an even patch size, or a square image")
    }
    let lower = min(max(first - margin, 0), extent)
    let upper = min(max(first - margin + size, lower), extent)
    return (min(size, max(0, margin - first)), lower, upper - lower)
  }
}

/// Images [B, C, H, W] and a location [B, 2] for each, as (x, y) in −1…1.
public struct GlimpseInput: TensorBundle {
  /// Images [B, C, H, W], with at least one.
  public var image: Tensor
  /// Where to look, [B, 2] as (x, y) in −1…1.
  public var location: Tensor

  /// - Parameter location: [B, 2] as (x, y) in −1…1: one for each image.
  public init(_ image: Tensor, at location: Tensor) {
    self.image = image
    self.location = location
  }

  public var tensors: [Tensor] { [image, location] }

  public init(tensors: [Tensor]) throws {
    guard tensors.count == 2 else {
      throw WeighbridgeError(
        .shape, "a glimpse takes images and locations, got \(tensors.count) tensors")
    }
    self.init(tensors[0], at: tensors[1])
  }

  func check() throws {
    guard image.rank == 4, image.shape[0] > 0, location.shape == [image.shape[0], 2] else {
      throw WeighbridgeError(
        .shape,
        "a glimpse takes images [B, C, H, W] and locations [B, 2], got \(image.shape) and "
          + "\(location.shape)")
    }
  }

  /// The first row and column of each image's crops in the padded image.
  ///
  /// - Throws: `shape` when a location is outside −1…1.
  func starts() throws -> [Pair<Int>] {
    let height = Float(image.shape[2])
    let coordinates = try location.elements(as: Float.self)
    return try (0..<image.shape[0]).map { index in
      let (x, y) = (coordinates[2 * index], coordinates[2 * index + 1])
      guard abs(x) <= 1, abs(y) <= 1 else {
        throw WeighbridgeError(
          .shape, "locations must be within −1…1: image \(index) has (\(x), \(y))")
      }
      return Pair(Int(0.5 * ((y + 1) * height)), Int(0.5 * ((x + 1) * height)))
    }
  }
}

/// The sizes of a retina's crops.
struct RetinaGeometry: Sendable {
  /// The side of every patch after pooling.
  let side: Int
  /// The side of each crop.
  let sizes: [Int]

  /// - Throws: `usage` when a crop cannot be pooled to g×g.
  init(_ configuration: Configuration) throws {
    try configuration.requirePositive("g")
    try configuration.require("k", in: 1...64)
    side = try configuration.integer("g")
    let (count, factor) = (try configuration.integer("k"), try configuration.number("s"))
    var sizes = [side]
    while let last = sizes.last, sizes.count < count {
      let next = factor * Double(last)
      guard next >= Double(side), next <= Double(1 << 20), Int(next) / (Int(next) / side) == side
      else {
        throw WeighbridgeError(
          .usage,
          "g=\(side), k=\(count), s=\(factor) make a crop of \(next.rounded(.down)), which cannot "
            + "be pooled to \(side): size / (size / g), both rounded down, must be g")
      }
      sizes.append(Int(next))
    }
    self.sizes = sizes
  }
}

/// The keys that every model with a retina has.
func retinaKeys(g: Int?, k: Int?, s: Double?, inferred: Bool = false) -> [ConfigurationKey] {
  [
    .init(
      "g", .integer, default: g.map { .integer($0) }, inferred: inferred, "side of a patch"),
    .init(
      "k", .integer, default: k.map { .integer($0) }, inferred: inferred, "number of patches"),
    .init(
      "s", .number, default: s.map { .number($0) }, "how many times larger the next crop is"),
  ]
}
