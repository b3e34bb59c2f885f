import WeighbridgeCauses
import WeighbridgeModules

/// The operations of a forward, each in the other forms that it is mistaken for: in the module that is
/// wrong, and in those around it that computed its input.
struct OperationForms: Hypothesis {
  /// How many changes of one module's forward are tried.
  private static let limit = 2000

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    ([suspect.own] + suspect.around + suspect.viewing).flatMap { explorer -> [Change] in
      let computation = Computation(explorer, suspect.key, context)
      let forms = Forms(computation: computation, suspect: suspect, context: context)
      let single = computation.operations.flatMap { forms.of($0) }
      return Array((single + forms.ofSeveral()).prefix(Self.limit))
    }
  }

  /// The forms of one forward's operations.
  struct Forms {
    let computation: Computation
    let suspect: Suspect
    let context: DiagnosisContext

    /// The recorded tensors that an operation may have had as an operand.
    func recorded(_ isWanted: (Shape) -> Bool) -> [RecordedTensors.Named] {
      context.recorded.near(
        suspect.key, within: computation.explorer.returns(suspect.key), where: isWanted)
    }

    func of(_ one: ObservedOperation) -> [Change] {
      switch one.operation {
      case let layout as LayoutOperation:
        switch layout {
        case .concatenate(let axis): concatenation(one, axis)
        case .permute(let axes): permutation(one, axes)
        case .reshape(let dimensions): reshape(one, dimensions)
        case .narrow(let axis, let start, let length): slice(one, axis, start, length)
        }
      case let operation as EngineOperation:
        switch operation {
        case .binary(let operation): arithmetic(one, operation)
        case .activate(let activation): activated(one, activation)
        case .unary(let operation): function(one, operation)
        case .softmax(let axis, let isLogarithm): softmax(one, axis, isLogarithm)
        case .attention(let scale): attention(one, scale)
        case .matmul: product(one)
        case .reduce(let reduction, let axes, let keeps): reduced(one, reduction, axes, keeps)
        case .layerNorm(let axes, let epsilon):
          epsilons(epsilon).map { other in
            norm(one, epsilon, other, .layerNorm(axes: axes, epsilon: other))
          }
        case .groupNorm(let groups, let epsilon):
          epsilons(epsilon).map { other in
            norm(one, epsilon, other, .groupNorm(groups: groups, epsilon: other))
          }
        case .batchNorm(let epsilon):
          epsilons(epsilon).map { norm(one, epsilon, $0, .batchNorm(epsilon: $0)) }
        case .pool(let geometry): pooled(one, geometry)
        case .gridSample(let corners):
          [aligned(one, corners, .gridSample(alignCorners: !corners))]
        case .affineGrid(let size, let corners):
          [aligned(one, corners, .affineGrid(size: size, alignCorners: !corners))]
        case .scaleChannels:
          [leftOut(one, operand: 0, "multiplies by \(computation.words(one.operands[1]))")]
        case .adaptivePool: activatedBefore(one)
        case .interpolate(let interpolation, let size, let scales):
          interpolated(one, interpolation, size, scales)
        case .pad(let amounts, let mode): padded(one, amounts, mode)
        }
      default: []
      }
    }

    /// One operation with another in its place.
    func form(
      _ one: ObservedOperation, _ kind: Cause.Kind, _ text: String, fix: String, distance: Int = 0,
      _ replacement: @escaping ChangedOperations.Replacement
    ) -> Change {
      computation.change(
        kind, text, fix: fix, distance: distance, for: suspect, [one.index: replacement])
    }

    /// An operation that hands on one operand.
    func leftOut(_ one: ObservedOperation, operand: Int, _ does: String) -> Change {
      form(
        one, .operationExtra,
        "\(computation.words(one)) is not in the reference, which hands on "
          + computation.words(one.operands[operand]), fix: "leave out what \(does)", distance: 2
      ) { try $0.checked(operand) }
    }

    /// Constants of norms.
    func epsilons(_ epsilon: Double) -> [Double] {
      [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0].filter { $0 != epsilon }
    }

    func norm(
      _ one: ObservedOperation, _ here: Double, _ there: Double, _ operation: EngineOperation
    ) -> Change {
      form(
        one, .normEpsilon,
        "\(computation.words(one)) has eps \(here) here and \(there) in the reference",
        fix: "give the norm eps \(there)"
      ) { try operation.result(of: $0) }
    }

    private func aligned(
      _ one: ObservedOperation, _ here: Bool, _ operation: EngineOperation
    ) -> Change {
      form(
        one, .alignCorners, "align_corners is \(here) here and \(!here) in the reference",
        fix: "set alignCorners to \(!here)"
      ) { try operation.result(of: $0) }
    }

    private func interpolated(
      _ one: ObservedOperation, _ here: Interpolation, _ size: [Int], _ scales: [Double]?
    ) -> [Change] {
      let others = here.alternatives.map { kind, name, other in
        form(
          one, kind, "the interpolation is \(here.words) here and \(name) in the reference",
          fix: "interpolate \(name)"
        ) {
          try EngineOperation.interpolate(other, size: size, scales: scales).result(of: $0)
        }
      }
      guard scales != nil else { return others }
      return others + [
        form(
          one, .interpolationForm,
          "positions follow from the factor here and from the sizes in the reference",
          fix: "resize to the size, or recomputing the factor"
        ) { try EngineOperation.interpolate(here, size: size, scales: nil).result(of: $0) }
      ]
    }

    private func padded(
      _ one: ObservedOperation, _ amounts: [AxisPadding], _ here: PaddingMode
    ) -> [Change] {
      here.alternatives.map { name, other in
        form(
          one, .paddingMode, "the padding is \(here.words) here and \(name) in the reference",
          fix: "pad by \(name)"
        ) { try EngineOperation.pad(amounts, other).result(of: $0) }
      }
    }

    private func pooled(_ one: ObservedOperation, _ geometry: PoolingGeometry) -> [Change] {
      guard let x = one.operands.first, x.rank == 4 else { return [] }
      return geometry.alternatives(
        size: Pair(x.shape[2], x.shape[3]), path: computation.explorer.path
      ).compactMap { cause, other in
        guard case .code(let fix) = cause.fix else { return nil }
        return form(one, cause.kind, cause.text, fix: fix) { try $0.checked(0).pooled(other) }
      } + activatedBefore(one)
    }

    /// A function that is missing before a mean or a maximum, with which it cannot change places.
    func activatedBefore(_ one: ObservedOperation) -> [Change] {
      guard let operand = one.operands.first else { return [] }
      let words = computation.words(operand)
      return Self.functions.map { function in
        form(
          one, .operationLeftOut,
          "the reference applies \(function.word) to \(words) before the \(one.operation.noun)",
          fix: "apply \(function.word) to \(words)", distance: 1
        ) { try one.operation.result(of: $0.replacing(0, $0.checked(0).activated(function))) }
      }
    }
  }
}

extension [Tensor] {
  /// An operand that a forward gave an operation.
  func checked(_ index: Int) throws -> Tensor {
    guard indices.contains(index) else {
      throw WeighbridgeError(.shape, "an operation lacks its operand \(index)")
    }
    return self[index]
  }

  func replacing(_ index: Int, _ other: Tensor) -> [Tensor] {
    var copy = self
    if copy.indices.contains(index) { copy[index] = other }
    return copy
  }
}
