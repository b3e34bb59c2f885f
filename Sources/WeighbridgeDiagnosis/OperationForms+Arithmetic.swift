import WeighbridgeCauses
import WeighbridgeModules

/// What stands in a sum's or a function's place.
extension OperationForms.Forms {
  /// Functions that are left out or put in, the usual ones first.
  static let functions: [Activation] = [
    .relu, .gelu, .silu, .sigmoid, .tanh, .geluTanh, .hardSwish, .hardSigmoid, .relu6,
    .leakyReLU(slope: 0.01), .leakyReLU(slope: 0.1), .leakyReLU(slope: 0.2), .elu(alpha: 1),
  ]

  func arithmetic(_ one: ObservedOperation, _ operation: BinaryOperation) -> [Change] {
    guard one.operands.count == 2 else { return [] }
    let words = one.operands.map(computation.words)
    var found: [Change] = []
    for kept in 0...1 where one.operands[kept].shape == one.result.shape {
      found.append(
        form(
          one, .operationExtra,
          "the \(one.operation.noun) of \(words[kept]) with \(words[1 - kept]) is not in the "
            + "reference", fix: "hand on \(words[kept]) without it", distance: 2
        ) { try $0.checked(kept) })
    }
    found += otherOperators(one, operation, words) + constants(one, words)
    for index in 0...1 {
      found += otherOperands(one, index, words) + scaled(one, index, words)
      found += activatedOperand(one, operation, index, words)
    }
    return found
  }

  private func otherOperators(
    _ one: ObservedOperation, _ operation: BinaryOperation, _ words: [String]
  ) -> [Change] {
    let names: [(BinaryOperation, String)] = [
      (.add, "+"), (.multiply, "*"), (.subtract, "-"), (.divide, "/"), (.maximum, "maximum"),
    ]
    var found = names.filter { $0.0 != operation }.map { other, sign in
      form(
        one, .arithmeticForm,
        "the reference has \(words[0]) \(sign) \(words[1]), not their \(one.operation.noun)",
        fix: "compute \(words[0]) \(sign) \(words[1])"
      ) { try $0.checked(0).combined(other, $0.checked(1)) }
    }
    if operation == .subtract || operation == .divide {
      found.append(
        form(
          one, .arithmeticForm, "the \(one.operation.noun)'s operands are exchanged",
          fix: "exchange \(words[0]) and \(words[1])"
        ) { try $0.checked(1).combined(operation, $0.checked(0)) })
    }
    return found
  }

  /// eps as a tensor of one element, where it is added so.
  private func constants(_ one: ObservedOperation, _ words: [String]) -> [Change] {
    one.operands.indices.flatMap { index -> [Change] in
      guard one.operands[index].elementCount == 1,
        let value = try? one.operands[index].elements(as: Double.self).first
      else { return [] }
      guard value > 0, value <= 1e-2, case .binary(.add)? = one.operation as? EngineOperation,
        isUnderARoot(one)
      else {
        return scales(near: value, of: one).map { other, name in
          form(
            one, .scaleForm,
            "the \(one.operation.noun) has \(value) here and \(name) in the reference",
            fix: "use \(name)"
          ) {
            let shape = try $0.checked(index).shape
            let constant = try Tensor([other], shape: shape).converted(to: $0.checked(0).dtype)
            return try one.operation.result(of: $0.replacing(index, constant))
          }
        }
      }
      return epsilons(value).map { other in
        form(
          one, .normEpsilon, "eps is \(value) here and \(other) in the reference",
          fix: "add eps \(other)"
        ) {
          let shape = try $0.checked(index).shape
          let constant = try Tensor([other], shape: shape).converted(to: $0.checked(0).dtype)
          return try one.operation.result(of: $0.replacing(index, constant))
        }
      }
    }
  }

  /// Another recorded tensor of the same shape in an operand's place.
  private func otherOperands(
    _ one: ObservedOperation, _ index: Int, _ words: [String]
  ) -> [Change] {
    let operand = one.operands[index]
    guard operand.shape == one.result.shape else { return [] }
    let recorded = context.recorded
    var others = self.recorded { $0 == operand.shape }.map { named in
      form(
        one, .inputWiring,
        "the reference has \(named.name) in the \(one.operation.noun), not \(words[index])",
        fix: "use \(named.name) in place of \(words[index])",
        distance: recorded.isCalled(named) ? 1 : 2
      ) { operands in
        guard let other = try recorded.tensor(named) else { return try operands.checked(-1) }
        return try one.operation.result(of: operands.replacing(index, other))
      }
    }
    for input in computation.explorer.inputs
    where input.shape == operand.shape && !input.hasSameValues(as: operand) {
      others.append(
        form(
          one, .inputWiring,
          "the reference has the module's input in the \(one.operation.noun), not \(words[index])",
          fix: "use the input in place of \(words[index])"
        ) { try one.operation.result(of: $0.replacing(index, input)) })
    }
    return others
  }

  /// A factor by channel on one operand: a property of the module, LayerScale's gamma.
  private func scaled(_ one: ObservedOperation, _ index: Int, _ words: [String]) -> [Change] {
    let operand = one.operands[index]
    return computation.explorer.properties.flatMap { property in
      Self.broadcasts(property.tensor, to: operand.shape).flatMap { factor in
        [
          form(
            one, .scaleLeftOut,
            "the reference multiplies \(words[index]) by \(property.name) before the "
              + one.operation.noun, fix: "multiply \(words[index]) by \(property.name)"
          ) { try one.operation.result(of: $0.replacing(index, $0.checked(index) * factor)) },
          form(
            one, .shiftLeftOut,
            "the reference adds \(property.name) to \(words[index]) before the "
              + one.operation.noun, fix: "add \(property.name) to \(words[index])"
          ) { try one.operation.result(of: $0.replacing(index, $0.checked(index) + factor)) },
        ]
      }
    }
  }

  /// A vector along any axis of its length, or a tensor that broadcasts as it is.
  static func broadcasts(_ tensor: Tensor, to shape: Shape) -> [Tensor] {
    var found: [Tensor] = []
    if (try? tensor.shape.broadcast(with: shape)) == shape { found.append(tensor) }
    if tensor.rank == 1, tensor.shape[0] > 1 {
      for axis in 0..<max(0, shape.rank - 1) where shape[axis] == tensor.shape[0] {
        var dimensions = [Int](repeating: 1, count: shape.rank)
        dimensions[axis] = shape[axis]
        if let view = try? tensor.reshaped(dimensions) { found.append(view) }
      }
    }
    return found
  }

  /// The activation before or after a sum; and one that is missing on an operand.
  private func activatedOperand(
    _ one: ObservedOperation, _ operation: BinaryOperation, _ index: Int, _ words: [String]
  ) -> [Change] {
    var found: [Change] = []
    if let maker = computation.maker(of: one.operands[index]),
      case .activate(let function)? = maker.operation as? EngineOperation,
      let before = maker.operands.first
    {
      found.append(
        form(
          one, .activationOrder,
          "the reference applies the \(function.word) after the \(one.operation.noun) of "
            + "\(computation.words(before)) and \(words[1 - index]), not before it",
          fix: "apply the \(function.word) to the \(one.operation.noun)"
        ) {
          try one.operation.result(of: $0.replacing(index, before)).activated(function)
        })
    }
    for function in Self.functions {
      found.append(
        form(
          one, .operationLeftOut,
          "the reference applies \(function.word) to \(words[index]) before the "
            + one.operation.noun, fix: "apply \(function.word) to \(words[index])", distance: 1
        ) {
          let activated = try $0.checked(index).activated(function)
          // A sigmoid of large numbers is 1, and multiplying by it no sigmoid.
          guard try !activated.hasOneValue || $0.checked(index).hasOneValue else {
            throw WeighbridgeError(.shape, "\(function.word) is saturated")
          }
          return try one.operation.result(of: $0.replacing(index, activated))
        })
    }
    return found
  }

  // MARK: Functions

  func activated(_ one: ObservedOperation, _ activation: Activation) -> [Change] {
    var found = Self.functions.filter { $0 != activation }.map { other in
      form(
        one, activation.isGELU && other.isGELU ? .geluForm : .activationForm,
        "\(computation.words(one)) is \(other.word) in the reference",
        fix: "apply \(other.word) in place of \(activation.word)"
      ) { try $0.checked(0).activated(other) }
    }
    found.append(leftOut(one, operand: 0, "applies \(activation.word)"))
    guard let operand = one.operands.first, let maker = computation.maker(of: operand) else {
      return found
    }
    if case .binary? = maker.operation as? EngineOperation {
      for index in 0...1 where index < maker.operands.count {
        found.append(
          computation.change(
            .activationOrder,
            "the reference applies the \(activation.word) to "
              + "\(computation.words(maker.operands[index])) before the \(maker.operation.noun), "
              + "not after it",
            fix: "apply the \(activation.word) before the \(maker.operation.noun)",
            for: suspect,
            [
              maker.index: { operands in
                try maker.operation.result(
                  of: operands.replacing(index, operands.checked(index).activated(activation)))
              }, one.index: { try $0.checked(0) },
            ]))
      }
    }
    return found
  }

  func function(_ one: ObservedOperation, _ operation: UnaryOperation) -> [Change] {
    switch operation {
    case .affine(let scale, let shift)
    where scale == 1 && shift > 0 && shift <= 1e-2 && isUnderARoot(one):
      return epsilons(shift).map { other in
        form(
          one, .normEpsilon, "eps is \(shift) here and \(other) in the reference",
          fix: "add eps \(other)"
        ) { try $0.checked(0).affine(shift: other) }
      }
    case .affine(let scale, let shift):
      var found = [
        leftOut(
          one, operand: 0, shift == 0 ? "multiplies by \(scale)" : "computes \(scale)·x + \(shift)")
      ]
      if shift == 0 {
        found += scales(near: scale, of: one).map { other, name in
          form(
            one, .scaleForm, "the factor is \(scale) here and \(name) in the reference",
            fix: "multiply by \(name)"
          ) { try $0.checked(0).affine(scale: other) }
        }
      }
      return found
    case .clamp(let lower, let upper):
      var found = [leftOut(one, operand: 0, "limits to \(lower) … \(upper)")]
      found += epsilons(lower).filter { _ in lower > 0 && lower <= 1e-2 }.map { other in
        form(
          one, .normEpsilon, "eps is \(lower) here and \(other) in the reference",
          fix: "use eps \(other)"
        ) { try $0.checked(0).clamped(other, upper) }
      }
      return found
    default: return [leftOut(one, operand: 0, "computes the \(one.operation.noun)")]
    }
  }

  /// Whether a result is divided by, or goes into a root: what eps is added to.
  private func isUnderARoot(_ one: ObservedOperation) -> Bool {
    computation.readers(of: one).contains { reader in
      switch reader.operation as? EngineOperation {
      case .unary(.squareRoot)?, .unary(.logarithm)?: true
      case .binary(.divide)?:
        reader.operands.count == 2 && computation.maker(of: reader.operands[1])?.index == one.index
      default: false
      }
    }
  }

  /// Factors that stand in another's place: roots of the extents that are in sight, and their inverses.
  func scales(near scale: Double, of one: ObservedOperation) -> [(Double, String)] {
    var extents: Set<Int> = []
    for operation in computation.operations {
      for tensor in operation.operands + [operation.result] { extents.formUnion(tensor.shape) }
    }
    var found: [(Double, String)] = [(1, "1"), (scale * scale, "\(scale * scale)")]
    if scale > 0 { found.append((scale.squareRoot(), "\(scale.squareRoot())")) }
    if scale != 0 { found.append((1 / scale, "\(1 / scale)")) }
    for extent in extents.sorted() where extent > 1 {
      let value = Double(extent)
      found += [
        (1 / value.squareRoot(), "1/√\(extent)"), (value.squareRoot(), "√\(extent)"),
        (1 / value, "1/\(extent)"), (value, "\(extent)"),
      ]
    }
    return found.filter { abs($0.0 - scale) > 1e-9 * abs(scale) }
  }
}

extension Activation {
  fileprivate var isGELU: Bool { [.gelu, .geluTanh, .geluQuick].contains(self) }
}
