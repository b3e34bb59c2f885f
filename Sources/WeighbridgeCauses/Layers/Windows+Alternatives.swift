import WeighbridgeModules

/// The paddings of TensorFlow's SAME for a window: as many outputs as ⌈size / stride⌉, the odd cell
/// at the end, or at the beginning.
private func samePaddings(
  size: Pair<Int>, kernel: Pair<Int>, stride: Pair<Int>, dilation: Pair<Int>
) -> [Padding] {
  func total(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Int {
    max(0, ((size + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - size)
  }
  guard stride.height > 0, stride.width > 0 else { return [] }
  let height = total(size.height, kernel.height, stride.height, dilation.height)
  let width = total(size.width, kernel.width, stride.width, dilation.width)
  return [
    Padding(
      top: height / 2, bottom: height - height / 2, left: width / 2, right: width - width / 2),
    Padding(
      top: height - height / 2, bottom: height / 2, left: width - width / 2, right: width / 2),
  ]
}

/// As much padding as there is, but all of it at one end: at stride 1 a shift by half a window.
private func shiftedPaddings(_ padding: Padding) -> [Padding] {
  let (height, width) = (padding.top + padding.bottom, padding.left + padding.right)
  return [
    Padding(top: 0, bottom: height, left: 0, right: width),
    Padding(top: height, bottom: 0, left: width, right: 0),
  ]
}

/// What a window may be padded by in place of this.
private func otherPaddings(_ padding: Padding, same: [Padding]) -> [Padding] {
  var seen: Set<Padding> = [padding]
  return (same + shiftedPaddings(padding) + (0...4).map { Padding($0, $0) })
    .filter { seen.insert($0).inserted }
}

extension Padding {
  /// Whether it is PyTorch's `padding=(h, w)`.
  var isSymmetric: Bool { top == bottom && left == right }

  var words: String {
    isSymmetric
      ? "\(top), \(left)" : "top \(top), bottom \(bottom), left \(left), right \(right)"
  }
}

extension Conv2d: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    guard input.rank == 4 else { return [] }
    let same = samePaddings(
      size: Pair(input.shape[2], input.shape[3]), kernel: Pair(weight.shape[2], weight.shape[3]),
      stride: geometry.stride, dilation: geometry.dilation)
    let paddings = otherPaddings(geometry.padding, same: same).map { padding in
      var other = geometry
      other.padding = padding
      return Alternative<Tensor, Tensor>(
        Cause(
          padding.isSymmetric ? .padding : .paddingSame,
          "the padding is \(geometry.padding.words) here and \(padding.words) in the reference",
          fix: .code("pad \(path) by \(padding.words)")),
        shape: try? other.outputShape(input: input.shape, weight: weight.shape),
        replacing(geometry: other))
    }
    return paddings + geometryAlternatives(for: input) + imageAlternatives(for: input)
      + groupAlternatives()
  }

  /// For a grouped convolution: its input's channels dealt to the groups in turn, or taken together.
  private func groupAlternatives() -> [Alternative<Tensor, Tensor>] {
    let (groups, width) = (geometry.groups, weight.shape[1])
    guard groups > 1, width > 1 else { return [] }
    return [([width, groups], "in turn"), ([groups, width], "one after the other")].map {
      extents, words in
      Alternative(
        Cause(
          .channelsRegrouped, "the reference deals the input's channels to the groups \(words)",
          fix: .code("reorder the channels that \(path) reads as \(extents[0]) × \(extents[1])"))
      ) { x in
        let shape = Array(x.shape)
        return try forward(
          x.reshaped([shape[0]] + extents + shape.dropFirst(2)).transposed(1, 2).contiguous()
            .reshaped(shape))
      }
    }
  }

  /// For a layer that reads images: their channels in another order or of another scale.
  private func imageAlternatives(for input: Tensor) -> [Alternative<Tensor, Tensor>] {
    guard geometry.groups == 1 else { return [] }
    return ImageScale.known(channels: weight.shape[1]).map { scale in
      Alternative(
        Cause(
          .inputNormalization, "the reference's images are \(scale.name) before \(path)",
          fix: .code("scale the images: \(scale.name)"))
      ) { try forward(scale.apply(to: $0)) }
    }
  }
}

/// A usual scaling of images, channel by channel: (x − mean) / deviation.
package struct ImageScale: Sendable {
  package let name: String
  let mean: [Double]
  let deviation: [Double]

  /// The scalings in use, both ways.
  package static func known(channels: Int) -> [ImageScale] {
    guard channels == 3 || channels == 1 else { return [] }
    func all(_ value: Double) -> [Double] { [Double](repeating: value, count: channels) }
    var scales = [
      ImageScale(name: "taken from 0…1 to −1…1", mean: all(0.5), deviation: all(0.5)),
      ImageScale(name: "taken from −1…1 to 0…1", mean: all(-1), deviation: all(2)),
      ImageScale(name: "divided by 255", mean: all(0), deviation: all(255)),
      ImageScale(name: "multiplied by 255", mean: all(0), deviation: all(1 / 255)),
    ]
    if channels == 3 {
      let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
      scales.append(
        ImageScale(
          name: "normalised by ImageNet's mean and deviation", mean: mean, deviation: deviation))
      scales.append(
        ImageScale(
          name: "freed of ImageNet's mean and deviation",
          mean: zip(mean, deviation).map { -$0 / $1 }, deviation: deviation.map { 1 / $0 }))
      scales.append(
        ImageScale(
          name: "taken from ImageNet's normalisation to −1…1",
          mean: zip(mean, deviation).map { (0.5 - $0) / $1 }, deviation: deviation.map { 0.5 / $0 })
      )
    } else {
      scales.append(
        ImageScale(
          name: "normalised by MNIST's mean and deviation", mean: [0.1307], deviation: [0.3081]))
      scales.append(
        ImageScale(
          name: "freed of MNIST's mean and deviation", mean: [-0.1307 / 0.3081],
          deviation: [1 / 0.3081]))
    }
    return scales
  }

  /// Images [N, C, H, W].
  package func apply(to x: Tensor) throws -> Tensor {
    let shape: Shape = [1, mean.count, 1, 1]
    let (mean, factor) = (
      try Tensor(mean, shape: shape), try Tensor(deviation.map { 1 / $0 }, shape: shape)
    )
    return try ((x.converted(to: .float64) - mean) * factor).converted(to: x.dtype)
  }
}

extension PoolingGeometry {
  /// The other ways in which such a window is moved, and averages divided.
  package func alternatives(
    size: Pair<Int>, path: ModulePath
  ) -> [(cause: Cause, geometry: PoolingGeometry)] {
    var found: [(Cause, PoolingGeometry)] = []
    func add(_ kind: Cause.Kind, _ text: String, _ fix: String, _ geometry: PoolingGeometry) {
      found.append((Cause(kind, text, fix: .code("\(fix) in \(path)")), geometry))
    }
    var ceiling = self
    ceiling.ceilMode.toggle()
    add(
      .ceilMode, "ceil_mode is \(ceilMode) here and \(ceiling.ceilMode) in the reference",
      "set ceil_mode to \(ceiling.ceilMode)", ceiling)
    if case .average(let counts) = kind {
      var other = self
      other.kind = .average(countIncludePad: !counts)
      add(
        .countIncludePad, "count_include_pad is \(counts) here and \(!counts) in the reference",
        "set count_include_pad to \(!counts)", other)
      other = self
      other.kind = .maximum
      add(.poolingForm, "the reference takes the maximum", "take the maximum", other)
    } else {
      var other = self
      other.kind = .average(countIncludePad: true)
      add(.poolingForm, "the reference takes the mean", "take the mean", other)
    }
    found += moved(path)
    let same = samePaddings(size: size, kernel: kernel, stride: stride, dilation: dilation)
    for padding in otherPaddings(self.padding, same: same) where !isCeiling(padding, ceiling, size)
    {
      var other = self
      other.padding = padding
      add(
        padding.isSymmetric ? .padding : .paddingSame,
        "the padding is \(self.padding.words) here and \(padding.words) in the reference",
        "pad by \(padding.words)", other)
    }
    return found
  }

  /// Whether a padding of the ends does to a maximum what `ceil_mode` does, which says it plainer.
  private func isCeiling(_ padding: Padding, _ ceiling: PoolingGeometry, _ size: Pair<Int>) -> Bool
  {
    guard kind == .maximum, padding.top == self.padding.top, padding.left == self.padding.left
    else {
      return false
    }
    var other = self
    other.padding = padding
    let image: Shape = [1, 1, size.height, size.width]
    guard let shape = try? other.outputShape(input: image) else { return false }
    return shape == (try? ceiling.outputShape(input: image))
  }
}

extension MaxPool2d: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    guard input.rank == 4 else { return [] }
    return geometry.alternatives(size: Pair(input.shape[2], input.shape[3]), path: path).map {
      cause, geometry in
      Alternative(cause, shape: try? geometry.outputShape(input: input.shape)) {
        try $0.pooled(geometry)
      }
    }
  }
}

extension AvgPool2d: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    guard input.rank == 4 else { return [] }
    return geometry.alternatives(size: Pair(input.shape[2], input.shape[3]), path: path).map {
      cause, geometry in
      Alternative(cause, shape: try? geometry.outputShape(input: input.shape)) {
        try $0.pooled(geometry)
      }
    }
  }
}
