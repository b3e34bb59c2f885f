import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeVerdicts

/// A bias that has other values than in the reference: what is left of the error is the same wherever
/// a channel is.
struct ParameterFits: Hypothesis {
  var isOfForward: Bool { false }

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard !suspect.hasOtherShape, case .whole(let recorded) = suspect.recorded,
      let own = suspect.own.parameters.first(where: { $0.name == "weight" }),
      let got = try suspect.own.unchanged(suspect.key), got.shape == recorded.shape
    else { return [] }
    let bias = suspect.own.parameters.first { $0.name == "bias" }
    let count = bias?.tensor.shape[0] ?? own.tensor.shape[0]
    guard own.role == .linearWeight || own.role == .convolutionWeight || bias != nil,
      let shift = try Self.shift(got, recorded, count)
    else { return [] }
    let name = suspect.own.path / "bias"
    let isZero = try bias.map { try $0.tensor.elements(as: Float.self).allSatisfy { $0 == 0 } }
    let cause =
      switch isZero {
      case nil:
        Cause(
          .shiftLeftOut, "the reference adds a bias in \(suspect.own.path), which has none here",
          fix: .code("give \(suspect.own.path) its bias"))
      case true?:
        Cause(
          .shiftLeftOut, "bias is all 0 here and is not in the reference: it was lost",
          fix: .code("export \(name) again, with its values"))
      default:
        Cause(
          .parameterValues, "bias has other values than in the reference, and nothing else differs",
          fix: .code("load \(name) from the network that was recorded"))
      }
    return [Change(cause, suspect.own, distance: 2) { try got + shift }]
  }

  /// What the recorded output is larger by, channel by channel, in a shape that broadcasts; `nil` where
  /// there are less than two values of each.
  static func shift(_ got: Tensor, _ recorded: Tensor, _ count: Int) throws -> Tensor? {
    let axis = got.rank == 4 ? 1 : got.rank - 1
    guard axis > 0, got.shape[axis] == count, got.elementCount >= 2 * count else { return nil }
    let others = got.shape.indices.filter { $0 != axis }
    let difference = try recorded.converted(to: .float64) - got.converted(to: .float64)
    return try difference.mean(axes: others, keepingAxes: true).converted(to: got.dtype)
  }
}

/// A layer whose input is scaled and shifted in the reference: pixels in another range. The numbers are
/// solved for, channel by channel for images, and the layer is run again with them.
struct InputFits: Hypothesis {
  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard !suspect.hasOtherShape, suspect.inputs.count == 1, let input = suspect.inputs.first,
      case .whole(let recorded) = suspect.recorded, input.dtype == .float32,
      recorded.elementCount <= Self.limit, input.rank > 1
    else { return [] }
    let isImage = input.rank == 4 && input.shape[1] <= 4
    guard
      let fit = try Fit(
        input, recorded, channels: isImage ? input.shape[1] : 1,
        { try suspect.own.onInput($0, suspect.key) }), fit.isTelling
    else { return [] }
    let now = context.recorded.name(of: input) ?? "its input"
    let cause = Cause(
      isImage ? .inputNormalization : .scaleForm,
      "in the reference what \(suspect.key.path) reads is \(fit.words(now))",
      fix: .code("feed \(suspect.key.path) with \(fit.words(now))"))
    return [
      Change(cause, suspect.author, distance: 2) {
        try suspect.own.onInput(fit.applied(to: input), suspect.key)
      }
    ]
  }

  /// The largest result that is solved on.
  private static let limit = 1 << 22
}

/// x ↦ scale · x + shift by channel, such that a layer gives a recorded result.
struct Fit: Sendable {
  let scales: [Double]
  let shifts: [Double]
  /// The size of the input's values.
  let magnitude: Double

  /// - Parameters:
  ///   - channels: Of axis 1; 1 for the same numbers everywhere.
  ///   - layer: Must be affine in its input; `nil` is returned where it is not.
  init?(
    _ input: Tensor, _ recorded: Tensor, channels: Int, _ layer: (Tensor) throws -> Tensor?
  ) throws {
    func values(_ x: Tensor) throws -> [Double]? {
      guard let y = try layer(x), y.shape == recorded.shape else { return nil }
      return try y.converted(to: .float64).elements(as: Double.self)
    }
    guard let zero = try values(input.affine(scale: 0)), let one = try values(input),
      let two = try values(input.affine(scale: 2)), Fit.isAffine(zero, one, two)
    else { return nil }
    var columns: [[Double]] = []
    for channel in 0..<channels {
      for part in [input, try input.affine(scale: 0, shift: 1)] {
        let masked = channels == 1 ? part : try Fit.only(channel, of: part)
        guard let column = try values(masked) else { return nil }
        columns.append(zip(column, zero).map { $0 - $1 })
      }
    }
    let target = zip(try recorded.converted(to: .float64).elements(as: Double.self), zero)
      .map { $0 - $1 }
    guard let solved = LeastSquares.solve(columns, target) else { return nil }
    scales = stride(from: 0, to: solved.count, by: 2).map { solved[$0] }
    shifts = stride(from: 1, to: solved.count, by: 2).map { solved[$0] }
    let squares = try input.converted(to: .float64).elements(as: Double.self)
      .reduce(0) { $0 + $1 * $1 }
    magnitude = (squares / Double(max(1, input.elementCount))).squareRoot()
  }

  private static func isAffine(_ zero: [Double], _ one: [Double], _ two: [Double]) -> Bool {
    var (error, size) = (0.0, 0.0)
    for index in one.indices {
      let difference = two[index] - 2 * one[index] + zero[index]
      error += difference * difference
      size += (one[index] - zero[index]) * (one[index] - zero[index])
    }
    return size > 0 && error <= 1e-8 * size
  }

  /// An image with zeros in all channels but one.
  private static func only(_ channel: Int, of x: Tensor) throws -> Tensor {
    var mask = [Float](repeating: 0, count: x.shape[1])
    if mask.indices.contains(channel) { mask[channel] = 1 }
    return try x * Tensor(mask, shape: [1, x.shape[1], 1, 1])
  }

  func applied(to input: Tensor) throws -> Tensor {
    guard scales.count > 1 else { return try input.affine(scale: scales[0], shift: shifts[0]) }
    let shape: Shape = [1, scales.count, 1, 1]
    let wide = try input.converted(to: .float64) * Tensor(scales, shape: shape)
    return try (wide + Tensor(shifts, shape: shape)).converted(to: input.dtype)
  }

  private var isShifted: Bool {
    zip(scales, shifts).contains { abs($1) > 1e-4 * abs($0) * magnitude }
  }

  private var isUniform: Bool { scales.allSatisfy { abs($0 - scales[0]) <= 1e-4 * abs(scales[0]) } }

  /// Whether it changes next to nothing, which makes up for rounded weights and is no choice of anybody's.
  private var isNearIdentity: Bool {
    zip(scales, shifts).allSatisfy { abs($0 - 1) <= 1.0 / 64 && abs($1) <= magnitude / 64 }
  }

  /// Whether the numbers are such as people scale inputs by: others may as well make up for weights of
  /// another size.
  var isTelling: Bool {
    guard scales.allSatisfy({ $0 > 0 }), !isNearIdentity else { return false }
    return !isUniform || isShifted && scales.count > 1 || Fit.name(of: scales[0]) != nil
  }

  func words(_ now: String) -> String {
    func listed(_ values: [Double]) -> String {
      let texts = values.map { Fit.name(of: $0) ?? Format.small($0) }
      return Set(texts).count == 1 ? texts[0] : "(\(texts.joined(separator: ", ")))"
    }
    let scaled = "\(now) times \(listed(scales))"
    return isShifted ? "\(scaled) plus \(listed(shifts))" : scaled
  }

  /// The usual factors, by name.
  static func name(of factor: Double) -> String? {
    let whole = [2.0, 3, 4, 5, 8, 10, 16, 32, 64, 100, 127.5, 128, 255, 256, 1000, 65535]
    for value in whole {
      let text = value == 127.5 ? "127.5" : "\(Int(value))"
      if abs(factor - value) <= 1e-4 * value { return text }
      if abs(factor * value - 1) <= 1e-4 { return "1/\(text)" }
    }
    return nil
  }
}
