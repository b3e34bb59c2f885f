#if !canImport(ImageIO)
  import CImages
  import WeighbridgeTensors

  extension Image {
    /// - Throws: `malformed` when libpng refuses it, `unsupported` for grey of 16 bits.
    init(png bytes: UnsafeRawBufferPointer) throws {
      var picture = png_picture()
      let start = bytes.bindMemory(to: UInt8.self).baseAddress
      guard png_read_size(start, bytes.count, &picture) == 0 else { throw Image.damaged(picture) }
      let (width, height) = (Int(picture.width), Int(picture.height))
      try Image.check(width: width, height: height)
      guard picture.is_deep_grey == 0 else {
        throw WeighbridgeError(
          .unsupported, "is grey of 16 bits, of which Pillow makes white all that exceeds 255",
          remedy: "Save it with 8 bits, scaled as in training")
      }
      var status: Int32 = 0
      let count = 3 * width * height
      let pixels = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
        target.initialize(repeating: 0)
        status = png_read_rgb(start, bytes.count, &picture, target.baseAddress, count)
        filled = count
      }
      guard status == 0 else { throw Image.damaged(picture) }
      self.init(unchecked: pixels, width: width, height: height)
    }

    private static func damaged(_ picture: png_picture) -> WeighbridgeError {
      var picture = picture
      let message = withUnsafeBytes(of: &picture.message) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      return WeighbridgeError(.malformed, "is a damaged PNG: \(message)")
    }
  }
#endif
