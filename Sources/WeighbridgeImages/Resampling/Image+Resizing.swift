extension Image {
  /// The picture in another size, as `Image.resize` of Pillow 13 makes it, bit by bit: along rows and
  /// along columns, with weights in fixed point and a rounding after each.
  ///
  /// Rows come first, unless the height shrinks by more than twice as many pixels as the width does.
  /// Earlier versions of Pillow always took rows first, and differ by a step of 255 here and there where
  /// this one does not.
  ///
  /// Source: Pillow, `src/libImaging/Resample.c` (its arithmetic), and `Geometry.c` for `nearest`.
  public func resized(width: Int, height: Int, _ filter: ResamplingFilter) -> Image {
    guard width > 0, height > 0 else { return self }
    if (width, height) == (self.width, self.height) { return self }
    guard filter != .nearest else { return picked(width: width, height: height) }
    let columnsFirst = height < self.height && self.height - height > 2 * (self.width - width)
    return columnsFirst
      ? stretchedAlongColumns(to: height, filter).stretchedAlongRows(to: width, filter)
      : stretchedAlongRows(to: width, filter).stretchedAlongColumns(to: height, filter)
  }

  private func picked(width: Int, height: Int) -> Image {
    let columns = Image.picks(self.width, width)
    let rows = Image.picks(self.height, height)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * width * height)
    for row in rows {
      for column in columns {
        let start = 3 * (row * self.width + column)
        pixels += self.pixels[start..<start + 3]
      }
    }
    return Image(unchecked: pixels, width: width, height: height)
  }

  /// The input at each output's centre; sums as Pillow makes them, one step after the other.
  private static func picks(_ input: Int, _ output: Int) -> [Int] {
    let scale = Double(input) / Double(output)
    var position = scale * 0.5
    return (0..<output).map { _ in
      defer { position += scale }
      return min(input - 1, Int(position))
    }
  }

  private func stretchedAlongRows(to width: Int, _ filter: ResamplingFilter) -> Image {
    if width == self.width { return self }
    let windows = FixedPoint.windows(self.width, width, filter)
    var result = [UInt8](repeating: 0, count: 3 * width * height)
    for row in 0..<height {
      let line = 3 * row * self.width
      for column in 0..<width {
        let start = line + 3 * windows.starts[column]
        for channel in 0..<3 {
          var sum = FixedPoint.half
          for (step, weight) in windows.weights[column].enumerated() {
            sum &+= Int32(pixels[start + 3 * step + channel]) &* weight
          }
          result[3 * (row * width + column) + channel] = FixedPoint.byte(sum)
        }
      }
    }
    return Image(unchecked: result, width: width, height: height)
  }

  private func stretchedAlongColumns(to height: Int, _ filter: ResamplingFilter) -> Image {
    if height == self.height { return self }
    let windows = FixedPoint.windows(self.height, height, filter)
    let line = 3 * width
    var result = [UInt8](repeating: 0, count: line * height)
    for row in 0..<height {
      let start = windows.starts[row] * line
      for place in 0..<line {
        var sum = FixedPoint.half
        for (step, weight) in windows.weights[row].enumerated() {
          sum &+= Int32(pixels[start + step * line + place]) &* weight
        }
        result[row * line + place] = FixedPoint.byte(sum)
      }
    }
    return Image(unchecked: result, width: width, height: height)
  }
}

/// Pillow's arithmetic with weights of 22 bits after the point.
private enum FixedPoint {
  static let bits: Int32 = 22
  /// Half of a step, added before the bits are cut off.
  static let half: Int32 = 1 << (bits - 1)

  static func byte(_ sum: Int32) -> UInt8 { UInt8(max(0, min(255, sum >> bits))) }

  static func windows(
    _ input: Int, _ output: Int, _ filter: ResamplingFilter
  ) -> ResamplingWindows<Int32> {
    let scale = Double(input) / Double(output)
    let stretch = max(1, scale)
    let support = filter.support * stretch
    var windows = ResamplingWindows<Int32>()
    for place in 0..<output {
      let center = (Double(place) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5))
      let end = min(input, Int(center + support + 0.5))
      let inverse = 1 / stretch
      var weights = (first..<max(first, end)).map {
        filter.weight((Double($0) - center + 0.5) * inverse)
      }
      let sum = weights.reduce(0, +)
      if sum != 0 { weights = weights.map { $0 / sum } }
      windows.starts.append(first)
      windows.weights.append(
        weights.map { weight in
          let scaled = weight * Double(1 << bits)
          return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
        })
    }
    return windows
  }
}
