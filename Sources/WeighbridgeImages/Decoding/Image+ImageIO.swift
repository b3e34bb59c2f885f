#if canImport(ImageIO)
  import CoreGraphics
  import Foundation
  import ImageIO
  import WeighbridgeTensors

  extension Image {
    init(png bytes: UnsafeRawBufferPointer) throws { self = try Image(system: bytes, "PNG") }

    init(jpeg bytes: UnsafeRawBufferPointer) throws { self = try Image(system: bytes, "JPEG") }

    /// Decodes with the system's own library. Colours are taken as they are, without a profile.
    ///
    /// - Throws: `malformed` when it is damaged.
    private init(system bytes: UnsafeRawBufferPointer, _ name: String) throws {
      guard let source = CGImageSourceCreateWithData(Data(bytes) as CFData, nil),
        let picture = CGImageSourceCreateImageAtIndex(source, 0, nil)
      else { throw WeighbridgeError(.malformed, "is a damaged \(name)") }
      let (width, height) = (picture.width, picture.height)
      try Image.check(width: width, height: height)
      var wide = [UInt8](repeating: 0, count: 4 * width * height)
      let isDrawn = wide.withUnsafeMutableBytes { target -> Bool in
        guard
          let context = CGContext(
            data: target.baseAddress, width: width, height: height, bitsPerComponent: 8,
            bytesPerRow: 4 * width,
            space: picture.colorSpace?.model == .rgb
              ? picture.colorSpace ?? CGColorSpaceCreateDeviceRGB() : CGColorSpaceCreateDeviceRGB(),
            bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
        else { return false }
        context.draw(picture, in: CGRect(x: 0, y: 0, width: width, height: height))
        return true
      }
      guard isDrawn else { throw WeighbridgeError(.malformed, "is a \(name) that cannot be drawn") }
      var pixels: [UInt8] = []
      pixels.reserveCapacity(3 * width * height)
      for start in stride(from: 0, to: wide.count, by: 4) { pixels += wide[start..<start + 3] }
      self.init(unchecked: pixels, width: width, height: height)
    }
  }
#endif
