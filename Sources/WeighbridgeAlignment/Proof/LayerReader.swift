import WeighbridgeModules
import WeighbridgeTensors

/// Makes a problem of a layer, its recorded input and its recorded output.
struct LayerReader<Layer: ParameterizedModule> {
  private let layer: Layer
  private let wanted: [String: Wanted]

  /// The positions at which linear maps and convolutions are looked at.
  private var positions: Int { 6 }
  /// The positions of which a norm's are chosen, and of which the former are.
  private var looked: Int { 48 }

  init(_ layer: Layer, _ wanted: [Wanted]) {
    self.layer = layer
    self.wanted = Dictionary(wanted.map { ($0.name, $0) }) { first, _ in first }
  }

  /// - Returns: `nil` where input and output do not belong together.
  func problem(_ input: Layer.Input, _ recorded: [Tensor]) throws -> (any LayerProblem)? {
    guard let x = input.tensors.first, let y = recorded.first, x.elementCount > 0,
      y.elementCount > 0
    else { return nil }
    if let linear = layer as? Linear { return try problem(linear, x, y) }
    if let convolution = layer as? Conv2d { return try problem(convolution, x, y) }
    if let norm = layer as? BatchNorm { return try problem(norm, x, y) }
    if let norm = layer as? LayerNorm { return try problem(norm, x, y) }
    if let norm = layer as? GroupNorm { return try problem(norm, x, y) }
    let parameters = layer.parameters.compactMap { parameter in
      want(parameter.name).map { (own: parameter.name, wanted: $0) }
    }
    return OpaqueProblem(path: layer.path, parameters: parameters, recorded: recorded) {
      [layer] tensors in
      try ProbeRun.without { try layer.replacing(tensors).forward(input).tensors }
    }
  }

  private func want(_ name: String) -> Wanted? { wanted[(layer.path / name).name] }

  // MARK: Linear maps

  private func problem(_ linear: Linear, _ x: Tensor, _ y: Tensor) throws -> (any LayerProblem)? {
    guard let weight = want("weight"), x.rank >= 1, y.rank >= 1, let width = x.shape.last,
      let out = y.shape.last, weight.shape == [out, width],
      x.shape.dropLast() == y.shape.dropLast()
    else { return nil }
    let inputs = try x.reshaped([-1, width])
    let outputs = try y.reshaped([-1, out])
    let windows = try spread(inputs.shape[0]).map { row in
      (row: row, values: try line(inputs, row))
    }
    let chosen = largest(windows.map(\.values))
    return LinearProblem(
      path: linear.path, weight: weight, bias: want("bias"), groups: 1,
      windows: chosen.map { windows[$0].values },
      outputs: try chosen.map { try line(outputs, windows[$0].row) })
  }

  private func problem(
    _ convolution: Conv2d, _ x: Tensor, _ y: Tensor
  ) throws -> (any LayerProblem)? {
    let geometry = convolution.geometry
    guard let weight = want("weight"),
      let shape = try? geometry.outputShape(input: x.shape, weight: weight.shape), shape == y.shape
    else { return nil }
    let window = Window(geometry, weight.shape)
    let (height, width) = (shape[2], shape[3])
    let places = spread(shape[0] * height * width)
    let windows = try places.map { place in
      try window.values(
        x, image: place / (height * width), row: place / width % height, column: place % width)
    }
    let chosen = largest(windows)
    return LinearProblem(
      path: convolution.path, weight: weight, bias: want("bias"), groups: geometry.groups,
      windows: chosen.map { windows[$0] },
      outputs: try chosen.map { index in
        let place = places[index]
        return try y.narrowed(0, start: place / (height * width), length: 1)
          .narrowed(2, start: place / width % height, length: 1)
          .narrowed(3, start: place % width, length: 1).elements(as: Double.self)
      })
  }

  private func line(_ matrix: Tensor, _ row: Int) throws -> [Double] {
    try matrix.narrowed(0, start: row, length: 1).elements(as: Double.self)
  }

  /// Positions spread over all.
  private func spread(_ count: Int) -> [Int] {
    guard count > looked else { return Array(0..<count) }
    // No multiple of an image's width, so that columns differ too.
    return (0..<looked).map { index in (index * count / looked + index * 7) % count }
  }

  /// The positions with the largest values, in order.
  private func largest(_ windows: [[Double]]) -> [Int] {
    let sizes = windows.map { $0.reduce(0) { $0 + $1 * $1 } }
    return windows.indices.sorted { (sizes[$0], $1) > (sizes[$1], $0) }.prefix(positions).sorted()
  }

  // MARK: Norms

  private func problem(_ norm: BatchNorm, _ x: Tensor, _ y: Tensor) throws -> (any LayerProblem)? {
    guard let scale = want("weight"), let shift = want("bias"), x.shape == y.shape, x.rank >= 2
    else { return nil }
    guard let mean = want("running_mean"), let variance = want("running_var") else { return nil }
    let columns = try channels(x, y, axis: 1)
    return NormProblem(
      path: norm.path, scale: scale, shift: shift,
      statistics: .init(mean: mean, variance: variance, epsilon: norm.epsilon),
      samples: columns.map { samples($0.x, $0.y) })
  }

  private func problem(_ norm: LayerNorm, _ x: Tensor, _ y: Tensor) throws -> (any LayerProblem)? {
    guard let scale = want("weight"), let shift = want("bias"), x.shape == y.shape,
      let width = x.shape.last, scale.shape == [width]
    else { return nil }
    let (inputs, outputs) = (try x.reshaped([-1, width]), try y.reshaped([-1, width]))
    let rows = spread(inputs.shape[0])
    let normalized = try rows.map { Self.normalized(try line(inputs, $0), norm.epsilon) }
    let results = try rows.map { try line(outputs, $0) }
    return NormProblem(
      path: norm.path, scale: scale, shift: shift, statistics: nil,
      samples: (0..<width).map { feature in
        samples(normalized.map { $0[feature] }, results.map { $0[feature] })
      })
  }

  private func problem(_ norm: GroupNorm, _ x: Tensor, _ y: Tensor) throws -> (any LayerProblem)? {
    guard let scale = want("weight"), let shift = want("bias"), x.shape == y.shape, x.rank >= 2,
      norm.groups > 0, x.shape[1] % norm.groups == 0
    else { return nil }
    let lines = try x.reshaped([x.shape[0] * norm.groups, -1])
    var values: [Double] = []
    for row in 0..<lines.shape[0] { values += Self.normalized(try line(lines, row), norm.epsilon) }
    let columns = try channels(Tensor(values, shape: x.shape), y, axis: 1)
    return NormProblem(
      path: norm.path, scale: scale, shift: shift, statistics: nil,
      samples: columns.map { samples($0.x, $0.y) })
  }

  private static func normalized(_ row: [Double], _ epsilon: Double) -> [Double] {
    let count = Double(max(1, row.count))
    let mean = row.reduce(0, +) / count
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let root = (variance + epsilon).squareRoot()
    return row.map { ($0 - mean) / root }
  }

  /// Some values of each channel.
  private func channels(
    _ x: Tensor, _ y: Tensor, axis: Int
  ) throws -> [(x: [Double], y: [Double])] {
    let (count, channels) = (x.shape[0], x.shape[axis])
    let (inputs, outputs) = (
      try x.reshaped([count, channels, -1]), try y.reshaped([count, channels, -1])
    )
    let area = inputs.shape[2]
    let places = spread(count * area)
    var found = [(x: [Double], y: [Double])](repeating: ([], []), count: channels)
    for place in places {
      let values = try [inputs, outputs].map { tensor in
        try tensor.narrowed(0, start: place / area, length: 1)
          .narrowed(2, start: place % area, length: 1).elements(as: Double.self)
      }
      for channel in 0..<channels {
        found[channel].x.append(values[0][channel])
        found[channel].y.append(values[1][channel])
      }
    }
    return found
  }

  /// The two samples of a channel that are farthest apart.
  private func samples(_ x: [Double], _ y: [Double]) -> NormProblem.Samples {
    let low = x.indices.min { x[$0] < x[$1] } ?? 0
    let high = x.indices.max { x[$0] < x[$1] } ?? 0
    return NormProblem.Samples(low: (x[low], y[low]), high: (x[high], y[high]))
  }
}

/// What a convolution sees at one position, in the order of a kernel's row, group after group.
private struct Window {
  private let geometry: ConvolutionGeometry
  private let kernel: (height: Int, width: Int)

  init(_ geometry: ConvolutionGeometry, _ weight: Shape) {
    self.geometry = geometry
    kernel = (weight[2], weight[3])
  }

  func values(_ x: Tensor, image: Int, row: Int, column: Int) throws -> [Double] {
    let (channels, height, width) = (x.shape[1], x.shape[2], x.shape[3])
    let rows = (0..<kernel.height).map {
      row * geometry.stride.height - geometry.padding.top + $0 * geometry.dilation.height
    }
    let columns = (0..<kernel.width).map {
      column * geometry.stride.width - geometry.padding.left + $0 * geometry.dilation.width
    }
    let (top, bottom) = (max(0, rows.first ?? 0), min(height - 1, rows.last ?? 0))
    let (left, right) = (max(0, columns.first ?? 0), min(width - 1, columns.last ?? 0))
    let area = kernel.height * kernel.width
    guard top <= bottom, left <= right else {
      return [Double](repeating: 0, count: channels * area)
    }
    let box = try x.narrowed(0, start: image, length: 1)
      .narrowed(2, start: top, length: bottom - top + 1)
      .narrowed(3, start: left, length: right - left + 1).elements(as: Double.self)
    let (boxHeight, boxWidth) = (bottom - top + 1, right - left + 1)
    var values = [Double](repeating: 0, count: channels * area)
    for channel in 0..<channels {
      for (i, y) in rows.enumerated() where y >= top && y <= bottom {
        for (j, x) in columns.enumerated() where x >= left && x <= right {
          values[channel * area + i * kernel.width + j] =
            box[(channel * boxHeight + y - top) * boxWidth + x - left]
        }
      }
    }
    return values
  }
}
