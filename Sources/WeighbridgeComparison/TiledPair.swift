import CVectors
import WeighbridgeModules

/// A float32 image of ours that is channels-last, against a row-major reference: tiles of a few
/// channels by a few pixels of the reference are turned around in the first-level cache.
struct TiledPair {
  private static let channelsPerTile = 16
  private static let pixelsPerTile = 64
  /// Tiles that a thread takes at a time.
  private static let tilesPerPart = 64
  private let got: Tensor
  private let reference: Tensor
  private let channels: Int
  private let pixels: Int

  /// `nil` when the tensors do not lie so.
  init?(_ got: Tensor, _ reference: Tensor) {
    guard got.dtype == .float32, reference.dtype == .float32, got.rank == 4,
      got.isDense(.channelsLast), !got.isContiguous, reference.isContiguous,
      !reference.isDense(.channelsLast)
    else { return nil }
    self.got = got
    self.reference = reference
    channels = got.shape[1]
    pixels = got.shape[2] * got.shape[3]
  }

  /// - Parameter copy: Where the whole reference goes, channels-last; `nil` when nobody wants it.
  func accumulated(
    _ tolerance: ElementwiseTolerance?, copyingTo copy: UnsafeMutableRawPointer? = nil
  ) throws -> Accumulator {
    try got.withRawElements { a in
      try reference.withRawElements { b in accumulated(a, b, tolerance, copyingTo: copy) }
    }
  }

  private func accumulated(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ tolerance: ElementwiseTolerance?,
    copyingTo copy: UnsafeMutableRawPointer?
  ) -> Accumulator {
    let channelTiles = (channels + Self.channelsPerTile - 1) / Self.channelsPerTile
    let pixelTiles = (pixels + Self.pixelsPerTile - 1) / Self.pixelsPerTile
    let tiles = got.shape[0] * pixelTiles * channelTiles
    let parts = (tiles + Self.tilesPerPart - 1) / Self.tilesPerPart
    return PartialResults.gathered(parts: parts) { part, sums in
      let first = part * Self.tilesPerPart
      let width = Self.channelsPerTile * 4
      let capacity = width * Self.pixelsPerTile
      withUnsafeTemporaryAllocation(byteCount: 2 * capacity, alignment: 64) { scratch in
        guard let packed = scratch.baseAddress else { return }
        for index in first..<min(tiles, first + Self.tilesPerPart) {
          // Neighbouring tiles are neighbours in the reference's rows, which come from farthest
          // away.
          let (image, rest) = index.quotientAndRemainder(dividingBy: pixelTiles * channelTiles)
          let (channelTile, pixelTile) = rest.quotientAndRemainder(dividingBy: pixelTiles)
          let tile = Tile(
            image: image, channel: channelTile * Self.channelsPerTile,
            pixel: pixelTile * Self.pixelsPerTile, channels: channels, pixels: pixels)
          let turned = copy.map { $0 + tile.offset } ?? (packed + capacity)
          let step = copy == nil ? width : channels * 4
          tile.pack(a, into: packed, step: width)
          tile.turn(b, into: turned, step: step)
          sums.addRows(
            FloatRows(
              got: packed, gotStep: width, reference: turned, referenceStep: step,
              rows: tile.width, columns: tile.height),
            tolerance: tolerance, locate: tile.position)
        }
      }
    }
  }

  /// Some channels by some pixels of one image.
  private struct Tile {
    let image: Int
    let channel: Int
    let pixel: Int
    let channels: Int
    let pixels: Int
    /// Channels.
    let height: Int
    /// Pixels.
    let width: Int

    init(image: Int, channel: Int, pixel: Int, channels: Int, pixels: Int) {
      (self.image, self.channel, self.pixel) = (image, channel, pixel)
      (self.channels, self.pixels) = (channels, pixels)
      height = min(TiledPair.channelsPerTile, channels - channel)
      width = min(TiledPair.pixelsPerTile, pixels - pixel)
    }

    /// The byte offset of the tile in a channels-last image.
    var offset: Int { ((image * pixels + pixel) * channels + channel) * 4 }

    /// The row-major position of the element of a pixel and a channel of the tile.
    func position(_ row: Int, _ column: Int) -> Int {
      (image * channels + channel + column) * pixels + pixel + row
    }

    /// Copies the tile of a channels-last image, whose lines lie far apart: many can be on their way
    /// from memory while there is nothing else to do.
    @inline(__always)
    func pack(_ base: UnsafeRawPointer, into target: UnsafeMutableRawPointer, step: Int) {
      let source = base + offset
      if height == TiledPair.channelsPerTile {
        for p in 0..<width {
          let (from, to) = (source + p &* channels &* 4, target + p &* step)
          for line in stride(from: 0, to: TiledPair.channelsPerTile * 4, by: 16) {
            (to + line).storeBytes(
              of: from.loadUnaligned(fromByteOffset: line, as: SIMD4<Float>.self),
              as: SIMD4<Float>.self)
          }
        }
      } else {
        for p in 0..<width {
          (target + p &* step).copyMemory(
            from: source + p &* channels &* 4, byteCount: height &* 4)
        }
      }
    }

    /// Puts the tile of a row-major image down pixel by pixel, `step` bytes apart.
    @inline(__always)
    func turn(_ base: UnsafeRawPointer, into target: UnsafeMutableRawPointer, step: Int) {
      let line = pixels &* 4
      vectors_turn(
        base + (image * channels + channel) * line + pixel * 4, line, height, width, target, step)
    }
  }
}
