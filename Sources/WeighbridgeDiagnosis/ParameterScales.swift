import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeVerdicts

/// A linear map or a convolution whose weight, or weight and bias, are a multiple of the reference's: of
/// another normalisation, or averaged where they should have been added up.
struct ParameterScales: Hypothesis {
  /// Fewer values agree on a factor by chance.
  private static let leastValues = 4
  /// Factors within this of 1 are none.
  private static let smallest = 1e-3

  var isOfForward: Bool { false }

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    let own = suspect.own
    guard !suspect.hasOtherShape, case .whole(let recorded) = suspect.recorded,
      recorded.elementCount >= Self.leastValues,
      let weight = own.parameters.first(where: { $0.name == "weight" }),
      weight.role == .linearWeight || weight.role == .convolutionWeight,
      let got = try own.unchanged(suspect.key), got.shape == recorded.shape
    else { return [] }
    // Recorded values may be of 16 bits, and weights, too.
    let wanted = try recorded.converted(to: got.dtype)
    let bias = own.parameters.first { $0.name == "bias" }
    var changes: [Change] = []
    if let factor = try Self.factor(from: got, to: wanted) {
      let names = bias == nil ? "weight is" : "weight and bias are"
      changes.append(change(names, factor, own) { try got.affine(scale: factor) })
    }
    if let bias {
      let channels = bias.tensor.shape[0]
      let shape = got.rank == 4 ? [1, channels, 1, 1] : [channels]
      let shift = try bias.tensor.reshaped(shape).converted(to: got.dtype)
      let product = try got - shift
      if let factor = try Self.factor(from: product, to: wanted - shift) {
        changes.append(
          change("weight is", factor, own) { try product.affine(scale: factor) + shift })
      }
    }
    return changes
  }

  private func change(
    _ names: String, _ factor: Double, _ own: Explorer,
    _ compute: @escaping @Sendable () throws -> Tensor?
  ) -> Change {
    let times = Fit.name(of: 1 / factor) ?? Format.short(Float(1 / factor))
    let text = "\(names) \(times) times what the reference has, and nothing else differs"
    let fix = Cause.Fix.code("load \(own.path) from the network that was recorded")
    return Change(
      Cause(.parameterValues, text, fix: fix), own, distance: 1, compute: compute)
  }

  /// What the values must be multiplied by to be nearest to others, in least squares; `nil` where they
  /// are as large, or nothing.
  private static func factor(from values: Tensor, to others: Tensor) throws -> Double? {
    let (mine, wanted) = (
      try values.converted(to: .float64).elements(as: Double.self),
      try others.converted(to: .float64).elements(as: Double.self)
    )
    let energy = mine.reduce(0) { $0 + $1 * $1 }
    let factor = zip(mine, wanted).reduce(0) { $0 + $1.0 * $1.1 } / energy
    return factor.isFinite && factor != 0 && abs(factor - 1) > smallest ? factor : nil
  }
}
