import WeighbridgeCauses
import WeighbridgeModules

/// A parameter that a file holds as another function of itself: the deviation for the variance, a scale
/// less one, a shift of the other sign.
struct ParameterFunctions: Hypothesis {
  var isOfForward: Bool { false }

  /// What it is in the file, and how to get from there to what PyTorch has.
  struct Form: Sendable {
    let holds: String
    let fix: String
    let compute: @Sendable (Tensor) throws -> Tensor
  }

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard !suspect.hasOtherShape else { return [] }
    let layer = suspect.own.parameters.flatMap { parameter in
      Self.forms(of: parameter).map { form in
        change(form, suspect.own, parameter.name) {
          try suspect.own.replacing([parameter.name: form.compute(parameter.tensor)], suspect.key)
        }
      }
    }
    return layer
      + ([suspect.own] + suspect.around).filter { $0.parameters.isEmpty }.flatMap {
        properties(of: $0, suspect, context)
      }
  }

  /// Tensors that a forward uses by itself.
  private func properties(
    of explorer: Explorer, _ suspect: Suspect, _ context: DiagnosisContext
  ) -> [Change] {
    guard !explorer.properties.isEmpty else { return [] }
    let computation = Computation(explorer, suspect.key, context)
    return computation.uses.flatMap { use in
      Self.scales.map { form in
        change(form, explorer, use.property.name) {
          try explorer.observed(
            ChangedOperations([use.index: use.replaced(by: form.compute)]), suspect.key)
        }
      }
    }
  }

  private func change(
    _ form: Form, _ explorer: Explorer, _ parameter: String,
    _ compute: @escaping @Sendable () throws -> Tensor?
  ) -> Change {
    Change(
      Cause(
        .parameterForm, "\(parameter) \(form.holds)",
        fix: .code("\(form.fix) \((explorer.path / parameter).name) in the checkpoint")
      ), explorer, distance: 1, compute: compute)
  }

  /// The functions of a parameter, by its role.
  static func forms(of parameter: ModuleParameter) -> [Form] {
    switch parameter.role {
    case .statistic:
      parameter.name.hasSuffix("var")
        ? [
          Form(holds: "holds the standard deviation, not the variance", fix: "square") {
            try $0 * $0
          },
          Form(
            holds: "holds one over the standard deviation, not the variance",
            fix: "take one over the square of"
          ) { try reciprocal($0 * $0) },
          Form(holds: "holds one over the variance", fix: "take one over") { try reciprocal($0) },
        ] : [negated]
    case .vector: parameter.name.hasSuffix("weight") ? scales : [negated]
    default: []
    }
  }

  private static let negated = Form(holds: "has the other sign", fix: "negate") {
    try $0.affine(scale: -1)
  }

  private static let scales = [
    Form(
      holds: "is the scale less 1, as for a framework that adds 1 to it", fix: "add 1 to"
    ) { try $0.affine(shift: 1) },
    Form(holds: "is the scale plus 1", fix: "take 1 from") { try $0.affine(shift: -1) },
    negated,
  ]

  private static func reciprocal(_ x: Tensor) throws -> Tensor {
    try Tensor([1], shape: [1]).converted(to: x.dtype).combined(.divide, x)
  }
}
