import WeighbridgeModules
import WeighbridgeParallel

/// A float32 image of ours that is channels-last, against a row-major reference: tiles of a few
/// channels by a few pixels are turned around in the first-level cache, so that neither is copied.
struct TiledPair {
  private static let channelsPerTile = 16
  private static let pixelsPerTile = 64
  private let got: Tensor
  private let reference: Tensor
  private let channels: Int
  private let pixels: Int

  /// `nil` when the tensors do not lie so.
  init?(_ got: Tensor, _ reference: Tensor) throws {
    guard got.dtype == .float32, reference.dtype == .float32, got.rank == 4,
      got.isDense(.channelsLast), !got.isContiguous, reference.isContiguous,
      !reference.isDense(.channelsLast)
    else { return nil }
    self.got = got
    self.reference = reference
    channels = got.shape[1]
    pixels = got.shape[2] * got.shape[3]
  }

  func accumulated(_ tolerance: ElementwiseTolerance?) -> Accumulator {
    let channelTiles = (channels + Self.channelsPerTile - 1) / Self.channelsPerTile
    let pixelTiles = (pixels + Self.pixelsPerTile - 1) / Self.pixelsPerTile
    let tiles = got.shape[0] * pixelTiles * channelTiles
    let results = PartialResults()
    guard let a = got.bytes, let b = reference.bytes else { return Accumulator() }
    Parallel.forRanges(tiles, grain: 32) { range in
      var part = Accumulator()
      let capacity = Self.channelsPerTile * Self.pixelsPerTile
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * capacity) { scratch in
        guard let turned = scratch.baseAddress else { return }
        for tile in range {
          let (image, rest) = tile.quotientAndRemainder(dividingBy: pixelTiles * channelTiles)
          let (pixelTile, channelTile) = rest.quotientAndRemainder(dividingBy: channelTiles)
          let tile = Tile(
            image: image, channel: channelTile * Self.channelsPerTile,
            pixel: pixelTile * Self.pixelsPerTile, channels: channels, pixels: pixels)
          tile.turn(a, into: turned)
          tile.gather(b, into: turned + capacity)
          part.addBlock(
            got: turned, reference: turned + capacity, count: tile.width * tile.height,
            tolerance: tolerance, locate: tile.position)
        }
      }
      results.add(part, start: range.lowerBound)
    }
    return withExtendedLifetime((got, reference)) { results.merged() }
  }

  /// Some channels by some pixels of one image, packed [channel][pixel].
  private struct Tile {
    let image: Int
    let channel: Int
    let pixel: Int
    let channels: Int
    let pixels: Int
    let height: Int
    let width: Int

    init(image: Int, channel: Int, pixel: Int, channels: Int, pixels: Int) {
      (self.image, self.channel, self.pixel) = (image, channel, pixel)
      (self.channels, self.pixels) = (channels, pixels)
      height = min(TiledPair.channelsPerTile, channels - channel)
      width = min(TiledPair.pixelsPerTile, pixels - pixel)
    }

    /// The row-major position of the tile's element i.
    func position(_ i: Int) -> Int {
      (image * channels + channel + i / width) * pixels + pixel + i % width
    }

    @inline(__always)
    func turn(_ base: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
      let source = base + ((image * pixels + pixel) * channels + channel) * 4
      for p in 0..<width {
        let row = source + p &* channels &* 4
        for c in 0..<height {
          target[c &* width &+ p] = row.loadUnaligned(fromByteOffset: c &* 4, as: Float.self)
        }
      }
    }

    @inline(__always)
    func gather(_ base: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
      let source = base + ((image * channels + channel) * pixels + pixel) * 4
      for c in 0..<height {
        UnsafeMutableRawPointer(target + c * width)
          .copyMemory(from: source + c * pixels * 4, byteCount: width * 4)
      }
    }
  }
}
