import WeighbridgeTensors
import WeighbridgeWeights

extension Image {
  /// Reads a PNG or JPEG file, known by its content, as `Image.open(path).convert("RGB")` of Pillow does: alpha
  /// is left out, grey and palettes become colours, and the camera's orientation is not applied.
  ///
  /// - Throws: `unreadable` when there is no such file, `unsupported` when it is of another format, and
  ///   `malformed` when it is damaged or larger than `largestCount`.
  public init(contentsOf path: String) throws {
    do {
      let file = try MappedFile(path: path)
      self = try file.withBytes { try Image(decoding: $0) }
      try file.checkUnchanged()
    } catch var error as WeighbridgeError {
      if error.code == .unreadable { error.remedy = "Give the path of a PNG or JPEG file" }
      throw error.located(file: path)
    }
  }

  /// Decodes a PNG or JPEG file's bytes.
  ///
  /// - Throws: `unsupported` when they are of another format, `malformed` when they are damaged.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = try Image(png: bytes)
    } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      self = try Image(jpeg: bytes)
    } else {
      throw WeighbridgeError(
        .unsupported, Image.otherFormat(bytes).map { "is \($0)" } ?? "is no picture that is known",
        remedy: "Save it as PNG or JPEG")
    }
  }

  /// What else a file is, where its first bytes tell.
  private static func otherFormat(_ bytes: UnsafeRawBufferPointer) -> String? {
    let known: [(signature: String, offset: Int, name: String)] = [
      ("GIF8", 0, "a GIF"), ("WEBP", 8, "a WebP picture"), ("BM", 0, "a BMP picture"),
      ("II*\0", 0, "a TIFF"), ("MM\0*", 0, "a TIFF"), ("ftypheic", 4, "a HEIC picture"),
      ("ftypavif", 4, "an AVIF picture"), ("<svg", 0, "an SVG drawing"), ("%PDF", 0, "a PDF"),
    ]
    return known.first { bytes.dropFirst($0.offset).starts(with: $0.signature.utf8) }?.name
  }

  /// - Throws: `malformed` when a header promises more than a picture may have.
  static func check(width: Int, height: Int) throws {
    guard width > 0, height > 0, width <= largestCount / height else {
      throw WeighbridgeError(
        .malformed, "says that it is \(width) × \(height) pixels; at most \(largestCount) are read")
    }
  }
}
