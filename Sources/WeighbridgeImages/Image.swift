import WeighbridgeTensors

/// A picture: rows of red, green and blue, 8 bits each.
public struct Image: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// `height · width · 3` bytes, row by row from the top, channels last.
  public let pixels: [UInt8]

  /// The most pixels that a picture may have: Pillow's limit, beyond which it calls a file a bomb.
  package static let largestCount = 178_956_970

  /// - Throws: `usage` when the counts do not fit.
  public init(width: Int, height: Int, pixels: [UInt8]) throws {
    guard width > 0, height > 0, width <= Image.largestCount / height,
      pixels.count == 3 * width * height
    else {
      throw WeighbridgeError(
        .usage, "\(pixels.count) bytes are no \(width) × \(height) picture of 3 channels")
    }
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  /// Values known to fit.
  init(unchecked pixels: [UInt8], width: Int, height: Int) {
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  /// The picture as a tensor of `[1, 3, height, width]`, float32, from 0 to 1: torchvision's `ToTensor`.
  public func tensor() throws -> Tensor { try tensor(scale: 255) }

  /// - Parameter scale: What every value is divided by.
  func tensor(scale: Float) throws -> Tensor {
    let plane = width * height
    var values = [Float](repeating: 0, count: 3 * plane)
    for index in 0..<plane {
      for channel in 0..<3 {
        values[channel * plane + index] = Float(pixels[3 * index + channel]) / scale
      }
    }
    return try Tensor(values, shape: [1, 3, height, width])
  }
}
