import WeighbridgeCauses
import WeighbridgeModules

/// A norm that is one of another kind in the reference: over the channels of each pixel, in groups over
/// the image, by the root of the mean square.
struct NormForms: Hypothesis {
  /// The constants that are tried; where a norm's values are not tiny, each will do.
  private static let epsilons = [1e-5, 1e-6]
  private static let groups = [1, 2, 4, 8, 16, 32]

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    let own = suspect.own
    guard suspect.inputs.count == 1, let input = suspect.inputs.first, input.rank > 1,
      input.shape == suspect.recorded.shape, let vectors = Vectors(own)
    else { return [] }
    let place = own.path == .root ? "the model" : own.path.name
    return Self.forms(input.shape, vectors.weight.shape[0]).flatMap { words, form in
      Self.epsilons.map { epsilon in
        let cause = Cause(
          .normForm, "the reference normalises \(words)",
          fix: .code("normalise \(words) in \(place)"))
        return Change(cause, own, distance: 1) { try form(input, vectors, epsilon) }
      }
    }
  }

  /// The scale and the shift of a norm.
  struct Vectors: Sendable {
    let weight: Tensor
    let bias: Tensor?

    init?(_ explorer: Explorer) {
      let all =
        explorer.parameters.filter { $0.role != .statistic }.map { ($0.name, $0.tensor) }
        + explorer.properties
      func vector(_ names: [String]) -> Tensor? {
        all.first { names.contains($0.0) && $0.1.rank == 1 }?.1
      }
      guard let weight = vector(["weight", "gamma", "scale"]) else { return nil }
      self.weight = weight
      bias = vector(["bias", "beta", "shift"]).flatMap { $0.shape == weight.shape ? $0 : nil }
    }
  }

  typealias Form = @Sendable (Tensor, Vectors, _ epsilon: Double) throws -> Tensor

  /// The norms of an input of a shape whose vectors have a length.
  static func forms(_ shape: Shape, _ length: Int) -> [(words: String, form: Form)] {
    var found: [(String, Form)] = []
    if shape[shape.rank - 1] == length {
      found.append(
        (
          "over the last axis (layer norm)",
          { try $0.layerNormalized(weight: $1.weight, bias: $1.bias, epsilon: $2) }
        ))
      found.append(
        (
          "by the root of the mean square over the last axis (RMS norm)",
          { try rms($0, $1, $2) }
        ))
    }
    guard shape.rank > 2, shape[1] == length else { return found }
    let last = shape.rank - 1
    let there = [0] + Array(2...last) + [1]
    let back = [0, last] + Array(1..<last)
    found.append(
      (
        "over the channels of each pixel (layer norm)",
        {
          try $0.permuted(there).contiguous()
            .layerNormalized(weight: $1.weight, bias: $1.bias, epsilon: $2).permuted(back)
        }
      ))
    found.append(
      (
        "by the root of the mean square over the channels of each pixel (RMS norm)",
        { try rms($0.permuted(there).contiguous(), $1, $2).permuted(back) }
      ))
    for count in groups where length % count == 0 && count < length {
      found.append(
        (
          count == 1
            ? "over the whole image, all channels together (group norm of 1 group)"
            : "over the image in \(count) groups of channels (group norm)",
          { try $0.groupNormalized(groups: count, weight: $1.weight, bias: $1.bias, epsilon: $2) }
        ))
    }
    found.append(
      (
        "over the image, each channel by itself (instance norm)",
        { try $0.groupNormalized(groups: length, weight: $1.weight, bias: $1.bias, epsilon: $2) }
      ))
    return found
  }

  /// x / √(mean(x²) + eps) · weight over the last axis.
  private static func rms(_ x: Tensor, _ vectors: Vectors, _ epsilon: Double) throws -> Tensor {
    let square = try (x * x).mean(axes: [x.rank - 1], keepingAxes: true)
    let root = try square.affine(shift: epsilon).mapped(.squareRoot)
    let y = try (x / root) * vectors.weight
    return try vectors.bias.map { try y + $0 } ?? y
  }
}
