import WeighbridgeCauses
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
    for (words, normalized) in Self.endings(result) {
      add(
        .operationLeftOut, "the reference applies \(words) to the result of \(name)",
        "apply \(words) to the result of \(name)", 1, normalized)
    }
    for named in recorded.near(
      suspect.key, within: true, where: { $0 == suspect.recorded.shape })
    {
      let isCalled = recorded.isCalled(named)
      add(
        .operationLeftOut, "the reference adds \(named.name) to the result of \(name)",
        "add \(named.name) to the result of \(name)", isCalled ? 1 : 3
      ) { try recorded.tensor(named).map { try result + $0 } }
      guard own.path.isAncestor(of: named.key.path) else { continue }
      if isCalled {
        add(
          .operationExtra, "the reference returns \(named.name) from \(name) as it is",
          "return \(named.name) from \(name) as it is", 2
        ) { try recorded.tensor(named) }
      } else {
        add(
          .moduleSkipped,
          "the reference returns \(named.name) from \(name), which this model never calls",
          "call \(named.name) last in \(name)", 0
        ) { try recorded.tensor(named) }
      }
      for function in OperationForms.Forms.functions.prefix(6) {
        add(
          .activationForm, "the reference returns \(function.word) of \(named.name) from \(name)",
          "return \(function.word) of \(named.name) from \(name)", 3
        ) { try recorded.tensor(named)?.activated(function) }
      }
    }
    for (tensor, words, distance) in summands(suspect, like: result, context) {
      add(
        .operationLeftOut, "the reference adds \(words) to the result of \(name)",
        "add \(words) to the result of \(name)", distance
      ) { try result + tensor }
      add(
        .operationLeftOut, "the reference takes \(words) from the result of \(name)",
        "subtract \(words) from the result of \(name)", distance
      ) { try result - tensor }
      add(
        .operationLeftOut, "the reference multiplies the result of \(name) by \(words)",
        "multiply the result of \(name) by \(words)", distance + 1
      ) { try result * tensor }
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

  private typealias Ending = (words: String, compute: @Sendable () throws -> Tensor?)

  /// What networks end in and ports leave out, or have left to whoever calls them.
  private static func endings(_ result: Tensor) -> [Ending] {
    guard result.rank > 1 else { return [] }
    return Set([1, result.rank - 1]).sorted().flatMap { axis -> [Ending] in
      [
        ("a softmax over axis \(axis)", { try result.softmax(axis: axis) }),
        ("a log-softmax over axis \(axis)", { try result.logSoftmax(axis: axis) }),
        ("a normalisation to length 1 over axis \(axis)", { try result.normalized(axis: axis) }),
      ]
    }
  }

  /// How many results of a forward's own operations are tried.
  private static let limit = 16

  /// What a module may forget to add to its result: its inputs, and what its forward computes on the
  /// way without a module.
  private func summands(
    _ suspect: Suspect, like result: Tensor, _ context: DiagnosisContext
  ) -> [(tensor: Tensor, words: String, distance: Int)] {
    let own = suspect.own
    let inputs = own.inputs.enumerated().map { index, input in
      (input, own.inputs.count == 1 ? "its input" : "its input \(index)", 0)
    }
    let computation = Computation(own, suspect.key, context)
    let made = computation.operations.suffix(Self.limit).filter { $0.operation is EngineOperation }
      .map { ($0.result, computation.words($0), 1) }
    return (inputs + made).filter { tensor, _, _ in
      tensor.shape == result.shape && !tensor.hasSameValues(as: result)
    }
  }
}
