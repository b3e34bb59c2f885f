import WeighbridgeModules

/// A module whose result is made otherwise in the reference: another module's result as it is, or its
/// own after something that is left out here.
struct OtherResults: Hypothesis {
  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    let own = suspect.own
    guard let result = try? own.unchanged(suspect.key), own.parameters.isEmpty else { return [] }
    let recorded = context.recorded
    let name = own.path == .root ? "the model" : own.path.name
    var found: [Change] = []
    func add(
      _ kind: Cause.Kind, _ text: String, _ fix: String, _ distance: Int,
      _ compute: @escaping @Sendable () throws -> Tensor?
    ) {
      found.append(
        Change(Cause(kind, text, fix: .code(fix)), own, distance: distance, compute: compute))
    }
    for function in OperationForms.Forms.functions where suspect.joins {
      add(
        .operationLeftOut, "the reference applies \(function.word) to the result of \(name)",
        "apply \(function.word) to the result of \(name)", 1
      ) { try result.activated(function) }
    }
    guard suspect.joins else { return found }
    for named in recorded.near(suspect.key, where: { $0 == suspect.recorded.shape }) {
      add(
        .operationLeftOut, "the reference adds \(named.name) to the result of \(name)",
        "add \(named.name) to the result of \(name)", 1
      ) { try recorded.tensor(named).map { try result + $0 } }
      guard own.path.isAncestor(of: named.key.path) else { continue }
      add(
        .operationExtra, "the reference returns \(named.name) from \(name) as it is",
        "return \(named.name) from \(name) as it is", 2
      ) { try recorded.tensor(named) }
      for function in OperationForms.Forms.functions.prefix(6) {
        add(
          .activationForm, "the reference returns \(function.word) of \(named.name) from \(name)",
          "return \(function.word) of \(named.name) from \(name)", 3
        ) { try recorded.tensor(named)?.activated(function) }
      }
    }
    for (index, input) in own.inputs.enumerated() where input.shape == result.shape {
      let words = own.inputs.count == 1 ? "its input" : "its input \(index)"
      add(
        .operationLeftOut, "the reference adds \(words) to the result of \(name)",
        "add \(words) to the result of \(name)", 0
      ) { try result + input }
    }
    for property in own.properties {
      for factor in OperationForms.Forms.broadcasts(property.tensor, to: result.shape) {
        add(
          .scaleLeftOut, "the reference multiplies the result of \(name) by \(property.name)",
          "multiply the result of \(name) by \(property.name)", 1
        ) { try result * factor }
        add(
          .shiftLeftOut, "the reference adds \(property.name) to the result of \(name)",
          "add \(property.name) to the result of \(name)", 1
        ) { try result + factor }
      }
    }
    return found
  }
}
