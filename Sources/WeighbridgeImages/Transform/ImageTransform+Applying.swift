import WeighbridgeEngine
import WeighbridgeTensors

extension ImageTransform {
  /// A picture as a network reads it: `[1, 3, height, width]`, float32.
  ///
  /// - Throws: `shape` when a step asks for more than a picture can have.
  public func tensor(of image: Image) throws -> Tensor {
    var image = image
    for step in steps {
      switch step {
      case .resize(let size, let filter, let antialias):
        let (height, width) = size.sides(of: image)
        try Image.check(width: width, height: height)
        image =
          backend == .pillow
          ? image.resized(width: width, height: height, filter)
          : try image.interpolated(width: width, height: height, filter, antialias: antialias)
      case .centerCrop(let height, let width):
        image = image.cropped(height: height, width: width)
      case .normalize(let statistics):
        return try image.tensor(statistics)
      }
    }
    return try image.tensor()
  }
}

extension ImageTransform.Size {
  /// Height and width: of the shorter side's multiple the fraction is cut off, as torchvision does.
  func sides(of image: Image) -> (height: Int, width: Int) {
    switch self {
    case .exact(let height, let width): return (height, width)
    case .shorterSide(let side):
      let (short, long) = (min(image.width, image.height), max(image.width, image.height))
      let other = Int(Double(side * long) / Double(short))
      return image.width <= image.height ? (other, side) : (side, other)
    }
  }
}

extension Image {
  /// The middle part; what lies beyond the picture is black.
  ///
  /// Source: torchvision, `transforms.functional.center_crop`: what is smaller is padded first, half of it
  /// before the picture, and half an element of the rest goes to the even side.
  func cropped(height: Int, width: Int) -> Image {
    let (top, left) = (
      Image.offset(self.height, height), Image.offset(self.width, width)
    )
    var result = [UInt8](repeating: 0, count: 3 * height * width)
    for row in 0..<height where (0..<self.height).contains(row + top) {
      for column in 0..<width where (0..<self.width).contains(column + left) {
        let (target, source) = (
          3 * (row * width + column), 3 * ((row + top) * self.width + column + left)
        )
        for channel in 0..<3 { result[target + channel] = pixels[source + channel] }
      }
    }
    return Image(unchecked: result, width: width, height: height)
  }

  /// Where the middle begins: negative where the picture is smaller.
  private static func offset(_ size: Int, _ wanted: Int) -> Int {
    size >= wanted
      ? Int((Double(size - wanted) / 2).rounded(.toNearestOrEven)) : -((wanted - size) / 2)
  }

  /// `interpolate` of a tensor of 8 bits: in float32, rounded to even, and clamped.
  func interpolated(
    width: Int, height: Int, _ filter: ResamplingFilter, antialias: Bool
  ) throws -> Image {
    if (width, height) == (self.width, self.height) { return self }
    let source = try tensor(scale: 1)
    let mode: Interpolation.Mode =
      switch filter {
      case .nearest: .nearest
      case .bilinear: .bilinear
      case .bicubic: .bicubic
      }
    let resized = try source.interpolated(
      to: [height, width], Interpolation(mode, antialias: antialias))
    let values = try resized.elements(as: Float.self)
    let plane = width * height
    var pixels = [UInt8](repeating: 0, count: 3 * plane)
    for index in 0..<plane {
      for channel in 0..<3 {
        let value = values[channel * plane + index].rounded(.toNearestOrEven)
        pixels[3 * index + channel] = UInt8(max(0, min(255, value)))
      }
    }
    return Image(unchecked: pixels, width: width, height: height)
  }

  /// `ToTensor`, then `Normalize`.
  fileprivate func tensor(_ statistics: ImageTransform.Statistics) throws -> Tensor {
    let plane = width * height
    var values = try tensor().elements(as: Float.self)
    for channel in 0..<3 {
      let (mean, deviation) = (statistics.mean[channel], statistics.deviation[channel])
      for index in channel * plane..<(channel + 1) * plane {
        values[index] = (values[index] - mean) / deviation
      }
    }
    return try Tensor(values, shape: [1, 3, height, width])
  }
}
