import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences

/// A layer that reads another recorded tensor than it does in the reference, or one through a function:
/// a wrong shortcut, modules in each other's order, a function left out.
struct OtherInputs: Hypothesis {
  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard suspect.inputs.count == 1, let input = suspect.inputs.first else { return [] }
    let layer = suspect.key.path
    let blamed = suspect.author
    let recorded = context.recorded
    let near = recorded.near(suspect.key) { $0.mayStand(for: input.shape) }
    let dimensions = Array(input.shape)
    var found: [Change] = []
    for (index, other) in context.reference.inputsOfShape(input.shape).enumerated() {
      found.append(
        Change(
          Cause(
            .inputWiring, "in the reference \(layer) reads the model's input \(index) as it is",
            fix: .code("feed \(layer) with the model's input")), blamed, distance: 1
        ) { try suspect.own.onInput(other, suspect.key) })
    }
    for named in near {
      found.append(
        Change(cause(named, suspect, context), blamed, distance: recorded.isCalled(named) ? 1 : 2) {
          guard let tensor = try recorded.tensor(named) else { return nil }
          let isFlattened =
            tensor.rank != dimensions.count
            && tensor.elementCount == dimensions.reduce(1, *)
          return try suspect.own.onInput(
            isFlattened ? tensor.reshaped(dimensions) : tensor, suspect.key)
        })
    }
    let now = recorded.name(of: input) ?? "its input"
    for function in OperationForms.Forms.functions {
      found.append(
        Change(
          Cause(
            .operationLeftOut, "the reference applies \(function.word) to \(now) before \(layer)",
            fix: .code("apply \(function.word) to what \(layer) reads")), blamed, distance: 1
        ) { try suspect.own.onInput(input.activated(function), suspect.key) })
    }
    return found + rearranged(input, suspect, blamed)
  }

  private func cause(
    _ named: RecordedTensors.Named, _ suspect: Suspect, _ context: DiagnosisContext
  ) -> Cause {
    let layer = suspect.key.path
    if !context.recorded.isCalled(named) {
      return Cause(
        .moduleSkipped,
        "in the reference \(layer) reads the result of \(named.name), which this model never calls",
        fix: .code("call \(named.name) and feed \(layer) with its result"))
    }
    if suspect.calledBefore.contains(named.key.path) || named.key.path.isAncestor(of: layer) {
      return Cause(
        .inputWiring,
        "in the reference \(layer) reads \(named.name) as it is, and nothing that lies between",
        fix: .code("feed \(layer) with \(named.name), as the recorded network does"))
    }
    return Cause(
      .moduleOrder, "in the reference \(named.name) comes before \(layer), which reads its result",
      fix: .code("call \(named.name) first, and feed \(layer) with its result"))
  }

  /// The input with its axes in another order, or flattened in another order.
  private func rearranged(_ input: Tensor, _ suspect: Suspect, _ blamed: Explorer) -> [Change] {
    let layer = suspect.key.path
    guard (3...4).contains(input.rank) else { return [] }
    let own = Array(0..<input.rank)
    return OperationForms.Forms.permutations(own).filter { $0 != own && $0[0] == 0 }.flatMap {
      axes -> [Change] in
      let same = axes.map { input.shape[$0] } == Array(input.shape)
      let dimensions = Array(input.shape)
      let cause = Cause(
        .axisOrder,
        same
          ? "in the reference \(layer) reads its input with the axes \(axes)"
          : "in the reference the axes of what \(layer) reads were \(axes) before a reshape",
        fix: .code("permute what \(layer) reads by \(axes)"))
      return [
        Change(cause, blamed, distance: 2) {
          let moved = try input.permuted(axes).contiguous()
          return try suspect.own.onInput(
            same ? moved : moved.reshaped(dimensions), suspect.key)
        }
      ]
    }
  }
}

/// A layer that reads a sum of two recorded tensors, or a function of one, which no module returns.
struct ComputedInputs: Hypothesis {
  private static let limit = 10

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    guard suspect.inputs.count == 1, let input = suspect.inputs.first else { return [] }
    let (layer, blamed, recorded) = (suspect.key.path, suspect.author, context.recorded)
    let near = Array(recorded.near(suspect.key) { $0 == input.shape }.prefix(Self.limit))
    var found: [Change] = []
    func add(
      _ kind: Cause.Kind, _ words: String, _ distance: Int,
      _ compute: @escaping @Sendable () throws -> Tensor?
    ) {
      let cause = Cause(
        kind, "in the reference \(layer) reads \(words)", fix: .code("feed \(layer) with \(words)"))
      found.append(
        Change(cause, blamed, distance: distance) {
          guard let tensor = try compute() else { return nil }
          return try suspect.own.onInput(tensor, suspect.key)
        })
    }
    let now = recorded.name(of: input) ?? "its input"
    for (index, a) in near.enumerated() {
      found.append(
        Change(
          Cause(
            .inputWiring, "in the reference \(a.name) is added to \(now) before \(layer)",
            fix: .code("add \(a.name) to what \(layer) reads")), blamed, distance: 1
        ) {
          guard let tensor = try recorded.tensor(a) else { return nil }
          return try suspect.own.onInput(input + tensor, suspect.key)
        })
      for function in OperationForms.Forms.functions.prefix(6) {
        add(.inputWiring, "\(function.word) of \(a.name)", 2) {
          try recorded.tensor(a)?.activated(function)
        }
        add(.activationOrder, "\(function.word) of the sum of \(now) and \(a.name)", 3) {
          try recorded.tensor(a).map { try (input + $0).activated(function) }
        }
      }
      for b in near.dropFirst(index + 1) {
        add(.inputWiring, "the sum of \(a.name) and \(b.name)", 2) {
          guard let a = try recorded.tensor(a), let b = try recorded.tensor(b) else { return nil }
          return try a + b
        }
      }
    }
    for explorer in suspect.enclosing {
      for property in explorer.properties {
        for factor in OperationForms.Forms.broadcasts(property.tensor, to: input.shape) {
          let name = (explorer.path / property.name).name + property.tensor.isByPosition
          add(.scaleLeftOut, "\(now) times \(name)", 1) { try input * factor }
          add(.shiftLeftOut, "\(now) plus \(name)", 1) { try input + factor }
        }
      }
    }
    for extent in Set(input.shape).sorted() where extent > 1 {
      let root = Double(extent).squareRoot()
      add(.scaleLeftOut, "\(now) times √\(extent)", 1) { try input.affine(scale: root) }
      add(.scaleLeftOut, "\(now) divided by √\(extent)", 1) { try input.affine(scale: 1 / root) }
    }
    return found
  }
}

extension Tensor {
  /// What a summand of the shape [1, N, D] is, in words.
  fileprivate var isByPosition: String {
    rank == 3 && shape[0] == 1 && shape[1] > 1 ? " (a value for every position)" : ""
  }
}

extension Shape {
  /// Whether a layer that reads this shape here may read another there: as many axes, and as many
  /// channels or features.
  func mayStand(for own: Shape) -> Bool {
    guard rank > 0 else { return false }
    guard rank == own.rank else { return own.rank > 1 && elementCount == own.elementCount }
    return self == own || (rank == 4 ? self[1] == own[1] : self[rank - 1] == own[rank - 1])
  }
}

extension Reference {
  /// The model's inputs of a shape.
  fileprivate func inputsOfShape(_ shape: Shape) -> [Tensor] {
    (try? inputs().filter { $0.shape == shape && $0.dtype.isFloatingPoint }) ?? []
  }
}
