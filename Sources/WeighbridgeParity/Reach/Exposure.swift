import WeighbridgeModules
import WeighbridgeVerdicts

/// Which values of a parameter an input brings out, found without running anything: exact for layers
/// that are linear in the parameter.
struct Exposure: Sendable {
  /// What the values of a group have in common.
  enum Grouping: Sendable {
    /// They multiply one feature of the input.
    case inputs
    /// They multiply what one position of the kernel meets of one channel: channel by channel.
    case kernel(height: Int, width: Int)
    /// They belong to a channel; why it may be hidden.
    case channels(Reach.Channel)
  }

  var grouping: Grouping
  /// For each group, whether a change of its values changes the output at all.
  var shown: [Bool]
  /// How many values a group has.
  var groupSize: Int
  /// How far the output's RMS moves at least when every value moves by 1, up or down; 0 where that is
  /// not known.
  var gain: Double

  /// How many values are hidden.
  var hiddenCount: Int { shown.count { !$0 } * groupSize }

  /// Whether nothing of it shows.
  var isHidden: Bool { !shown.contains(true) }

  /// What another call of the module shows, too.
  mutating func join(_ other: Exposure) {
    guard other.shown.count == shown.count else { return }
    for index in shown.indices where other.shown[index] { shown[index] = true }
    gain = max(gain, other.gain)
  }

  /// What hides some or all of it.
  var hiding: Reach.Hiding {
    switch grouping {
    case .inputs: isHidden ? .zeroInput : .features(hidden(shown), of: shown.count)
    case .kernel(let height, let width): kernelHiding(height * width)
    case .channels(let why):
      .channels(isHidden ? [] : hidden(shown), of: shown.count, why)
    }
  }

  private func kernelHiding(_ positions: Int) -> Reach.Hiding {
    if isHidden { return .zeroInput }
    let channels = stride(from: 0, to: shown.count, by: positions).map { start in
      shown[start..<start + positions].contains(true)
    }
    let blank = (0..<positions).count { position in
      !stride(from: position, to: shown.count, by: positions).contains { shown[$0] }
    }
    let explained = channels.reduce(0) { $0 + ($1 ? blank : positions) }
    return .kernel(
      channels: hidden(channels), channelCount: channels.count, blank: blank,
      positionCount: positions,
      others: shown.count(where: { !$0 }) > explained)
  }

  private func hidden(_ shown: [Bool]) -> [Int] { shown.indices.filter { !shown[$0] } }
}

extension Exposure {
  /// What a call shows of a layer's parameters; `nil` for a module that is none of these layers.
  static func of(_ module: any Module, _ input: any TensorBundle) throws -> [String: Exposure]? {
    guard input.tensors.count == 1, let tensor = input.tensors.first, tensor.elementCount > 0,
      tensor.dtype.isFloatingPoint
    else { return nil }
    let x = try tensor.converted(to: .float32).contiguous()
    switch module {
    case let layer as Linear: return try linear(layer, x)
    case let layer as Conv2d: return try convolution(layer, x)
    case let layer as BatchNorm where layer.mean != nil: return try batchNorm(layer, x)
    case let layer as BatchNorm: return try norm(layer, x, axis: 1)
    case let layer as GroupNorm: return try norm(layer, x, axis: 1)
    case let layer as LayerNorm: return try norm(layer, x, axis: -1)
    default: return nil
    }
  }

  /// An additive term: every value moves the output by itself.
  private static func bias(_ count: Int) -> Exposure {
    Exposure(
      grouping: .channels(.neverAdded), shown: [Bool](repeating: true, count: count),
      groupSize: 1, gain: 1)
  }

  private static func linear(_ layer: Linear, _ x: Tensor) throws -> [String: Exposure]? {
    let features = layer.weight.shape[1]
    guard let last = x.shape.last, last == features else { return nil }
    let rows = x.elementCount / features
    let energy = try x.withUnsafeElements { (values: UnsafePointer<Float>) in
      Nudge.energy(values, x.elementCount)
    }
    var found = [
      "weight": Exposure(
        grouping: .inputs, shown: try differing(x, outer: rows, channels: features, inner: 1),
        groupSize: layer.weight.shape[0], gain: (energy / Double(rows)).squareRoot())
    ]
    if let own = layer.bias { found["bias"] = bias(own.elementCount) }
    return found
  }

  private static func batchNorm(_ layer: BatchNorm, _ x: Tensor) throws -> [String: Exposure]? {
    let channels = layer.weight.elementCount
    guard let mean = try layer.mean?.elements(as: Float.self),
      let variance = try layer.variance?.elements(as: Float.self), x.rank >= 2,
      x.shape[1] == channels
    else { return nil }
    let weight = try layer.weight.elements(as: Float.self)
    let inner = x.shape.dropFirst(2).reduce(1, *)
    let moves = try differing(
      x, outer: x.shape[0], channels: channels, inner: inner, from: mean)
    let deviation = variance.map { ($0 + Float(layer.epsilon)).squareRoot() }
    let total = Double(x.elementCount)
    /// √(mean of ((x − μ)·factor)²), or less.
    func gain(_ factor: [Float]) throws -> Double {
      let energy = try x.withUnsafeElements { (values: UnsafePointer<Float>) in
        Nudge.scaledEnergy(values, x.elementCount) { index in
          let channel = index / inner % channels
          return (mean[channel], factor[channel])
        }
      }
      return (energy / total).squareRoot()
    }
    let scale = zip(weight, deviation).map { $0 / $1 }
    let scaled = scale.map { $0 != 0 }
    let meanGain = (scale.reduce(0) { $0 + Double($1 * $1) } / Double(channels)).squareRoot()
    let varianceFactor = (0..<channels).map {
      0.5 * scale[$0] * variance[$0] / (variance[$0] + Float(layer.epsilon))
    }
    return try [
      "weight": Exposure(
        grouping: .channels(.runningMean), shown: moves, groupSize: 1,
        gain: gain(deviation.map { 1 / $0 })),
      "bias": bias(channels),
      "running_mean": Exposure(
        grouping: .channels(.zeroWeight), shown: scaled, groupSize: 1,
        gain: meanGain),
      "running_var": Exposure(
        grouping: .channels(.zeroWeightOrMean),
        shown: zip(scaled, moves).map { $0 && $1 }, groupSize: 1, gain: gain(varianceFactor)),
    ]
  }

  /// A norm by the input's own statistics: what its weight multiplies is what it gives without one.
  private static func norm(
    _ layer: any ParameterizedModule, _ x: Tensor, axis: Int
  ) throws -> [String: Exposure]? {
    guard let weight = layer.parameters.first(where: { $0.name == "weight" })?.tensor else {
      return nil
    }
    let (shape, dtype) = (weight.shape, weight.dtype)
    let plain = layer.replacing([
      "weight": try Tensor(repeating: Float(1), shape: shape).contiguous().converted(to: dtype),
      "bias": try Tensor(repeating: Float(0), shape: shape).contiguous().converted(to: dtype),
    ])
    guard let normal = try output(of: plain, x)?.converted(to: .float32).contiguous() else {
      return nil
    }
    let channels = weight.elementCount
    let axis = axis < 0 ? normal.rank - 1 : axis
    guard axis < normal.rank, normal.shape[axis] == channels else { return nil }
    let inner = normal.shape.dropFirst(axis + 1).reduce(1, *)
    let energy = try normal.withUnsafeElements { (values: UnsafePointer<Float>) in
      Nudge.energy(values, normal.elementCount)
    }
    return [
      "weight": Exposure(
        grouping: .channels(.zero),
        shown: try differing(
          normal, outer: normal.elementCount / (channels * inner), channels: channels, inner: inner),
        groupSize: 1, gain: (energy / Double(normal.elementCount)).squareRoot()),
      "bias": bias(channels),
    ]
  }

  private static func output<M: Module>(of module: M, _ x: Tensor) throws -> Tensor? {
    guard let input = x as? M.Input else { return nil }
    return try ProbeRun.without { try module.forward(input) } as? Tensor
  }

  /// For each channel of packed [outer, channels, inner], whether any value is not its channel's.
  static func differing(
    _ x: Tensor, outer: Int, channels: Int, inner: Int, from values: [Float]? = nil
  ) throws -> [Bool] {
    try x.withUnsafeElements { (data: UnsafePointer<Float>) in
      var shown = [Bool](repeating: false, count: channels)
      var pending = Array(0..<channels)
      for row in 0..<outer where !pending.isEmpty {
        pending.removeAll { channel in
          let start = data + (row * channels + channel) * inner
          let value = values?[channel] ?? 0
          for index in 0..<inner where start[index] != value {
            shown[channel] = true
            return true
          }
          return false
        }
      }
      return shown
    }
  }
}

extension Nudge {
  /// The sum of ((value − shift)·factor)² over some of the values: never more than that of all.
  static func scaledEnergy(
    _ values: UnsafePointer<Float>, _ count: Int, _ of: (Int) -> (shift: Float, factor: Float)
  ) -> Double {
    var sum = 0.0
    for index in stride(from: 0, to: count, by: step(count)) {
      let (shift, factor) = of(index)
      let value = Double((values[index] - shift) * factor)
      sum += value * value
    }
    return sum
  }
}
