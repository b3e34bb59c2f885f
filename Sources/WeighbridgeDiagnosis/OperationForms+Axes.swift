import WeighbridgeCauses
import WeighbridgeModules

/// Orders of parts, axes and heads; products of attention.
extension OperationForms.Forms {
  // MARK: Concatenations

  func concatenation(_ one: ObservedOperation, _ axis: Int) -> [Change] {
    let count = one.operands.count
    guard count > 1 else { return [] }
    let words = one.operands.map(computation.words)
    var found = Self.orders(count).map { order in
      form(
        one, .concatenationOrder,
        "the reference concatenates \(order.map { words[$0] }.joined(separator: ", ")); here it is "
          + words.joined(separator: ", "),
        fix: "concatenate \(order.map { words[$0] }.joined(separator: ", "))"
      ) { operands in
        try Tensor.concatenated(order.map { try operands.checked($0) }, axis: axis)
      }
    }
    let recorded = context.recorded
    for index in 0..<count {
      found += self.recorded { $0 == one.operands[index].shape }.map { named in
        form(
          one, .inputWiring,
          "the reference concatenates \(named.name), not \(words[index])",
          fix: "concatenate \(named.name) in place of \(words[index])",
          distance: recorded.isCalled(named) ? 1 : 2
        ) { operands in
          guard let other = try recorded.tensor(named) else { return try operands.checked(-1) }
          return try one.operation.result(of: operands.replacing(index, other))
        }
      }
      found += Self.functions.prefix(6).map { function in
        form(
          one, .operationLeftOut,
          "the reference applies \(function.word) to \(words[index]) before the concatenation",
          fix: "apply \(function.word) to \(words[index])", distance: 2
        ) {
          try one.operation.result(of: $0.replacing(index, $0.checked(index).activated(function)))
        }
      }
    }
    return found
  }

  /// Other orders of parts: all of up to four, else the reverse, rotations and exchanges of two.
  static func orders(_ count: Int) -> [[Int]] {
    let own = Array(0..<count)
    guard count > 4 else { return permutations(own).filter { $0 != own } }
    guard count <= 16 else { return [own.reversed()] }
    var found = [Array(own.reversed())]
    for shift in 1..<count { found.append(Array(own[shift...] + own[..<shift])) }
    for a in own {
      for b in own where b > a {
        var order = own
        order.swapAt(a, b)
        found.append(order)
      }
    }
    return found
  }

  static func permutations(_ items: [Int]) -> [[Int]] {
    guard let first = items.first else { return [[]] }
    return permutations(Array(items.dropFirst())).flatMap { rest in
      (0...rest.count).map { place in
        var longer = rest
        longer.insert(first, at: place)
        return longer
      }
    }
  }

  // MARK: Axes

  func permutation(_ one: ObservedOperation, _ axes: [Int]) -> [Change] {
    guard axes.count <= 5, let operand = one.operands.first else { return [] }
    return Self.permutations(Array(axes.indices)).filter { $0 != axes }.compactMap { other in
      guard other.map({ operand.shape[$0] }) == Array(one.result.shape) else { return nil }
      return form(
        one, .axisOrder,
        "\(computation.words(one)) is by \(axes) here and by \(other) in the "
          + "reference", fix: "permute by \(other)", distance: 1
      ) { try $0.checked(0).permuted(other) }
    }
  }

  /// Axes permuted before the reshape; features split the other way round.
  func reshape(_ one: ObservedOperation, _ dimensions: [Int]) -> [Change] {
    guard let operand = one.operands.first, operand.rank <= 5, operand.rank > 1 else { return [] }
    let own = Array(0..<operand.rank)
    let merged = dimensions.count < operand.rank
    var found = Self.permutations(own).filter { $0 != own && $0[0] == 0 }.map { axes in
      form(
        one, merged ? .flattenOrder : .axisOrder,
        "the reference takes the axes of \(computation.words(operand)) as \(axes) before the reshape "
          + "to \(dimensions)", fix: "permute by \(axes) before the reshape", distance: 1
      ) { try $0.checked(0).permuted(axes).contiguous().reshaped(dimensions) }
    }
    // [.., H, D] against [.., D, H] with the two exchanged.
    if dimensions.count > operand.rank {
      for axis in 1..<(dimensions.count - 1) where dimensions[axis] > 1 && dimensions[axis + 1] > 1
      {
        var other = dimensions
        other.swapAt(axis, axis + 1)
        let split = other
        found.append(
          form(
            one, .headSplit,
            "the features are split as \(dimensions) here; the reference splits them as \(split)",
            fix: "reshape to \(split) and exchange axes \(axis) and \(axis + 1)", distance: 1
          ) { try $0.checked(0).reshaped(split).transposed(axis, axis + 1) })
      }
    }
    return found
  }

  /// Another part of a tensor: a token, a chunk.
  func slice(_ one: ObservedOperation, _ axis: Int, _ start: Int, _ length: Int) -> [Change] {
    guard let operand = one.operands.first, length > 0, length < operand.shape[axis] else {
      return []
    }
    let extent = operand.shape[axis]
    var found: [Change] = []
    if length == 1 {
      for (first, words) in [(0, "all of them"), (1, "all but the first")] where extent - first > 1
      {
        found.append(
          form(
            one, .tokenPooling,
            "element \(start) of axis \(axis) is taken here, the mean over \(words) in the reference",
            fix: "take the mean over axis \(axis)"
          ) {
            try $0.checked(0).narrowed(axis, start: first, length: extent - first)
              .mean(axes: [axis], keepingAxes: true)
          })
      }
    }
    let starts =
      length == 1 ? [0, extent - 1] : Array(stride(from: 0, to: extent - length + 1, by: length))
    found += starts.prefix(16).filter { $0 != start }.map { other in
      form(
        one, .inputWiring,
        "the slice of \(computation.words(operand)) begins at \(start) here and at \(other) in the "
          + "reference", fix: "take the slice from \(other)", distance: 1
      ) { try $0.checked(0).narrowed(axis, start: other, length: length) }
    }
    return found
  }

  func reduced(
    _ one: ObservedOperation, _ reduction: Reduction, _ axes: [Int], _ keeps: Bool
  ) -> [Change] {
    guard let operand = one.operands.first else { return [] }
    var found = activatedBefore(one)
    found += [Reduction.mean, .maximum, .sum].filter { $0 != reduction }.map { other in
      form(
        one, .reductionAxes,
        "the \(reduction.rawValue) over axes \(axes) is the \(other.rawValue) in "
          + "the reference", fix: "take the \(other.rawValue)"
      ) { try $0.checked(0).reduced(other, axes: axes, keepingAxes: keeps) }
    }
    let count = axes.count
    for other in Self.subsets(operand.rank, count) where other != axes {
      found.append(
        form(
          one, .reductionAxes,
          "the \(reduction.rawValue) is over axes \(axes) here and \(other) in the reference",
          fix: "take the \(reduction.rawValue) over axes \(other)"
        ) { try $0.checked(0).reduced(reduction, axes: other, keepingAxes: keeps) })
    }
    if axes == [1], operand.rank == 3, operand.shape[1] > 1 {
      let length = operand.shape[1]
      found.append(
        form(
          one, .tokenPooling,
          "the \(reduction.rawValue) over the tokens is taken here, token 0 in the reference",
          fix: "take token 0"
        ) {
          let token = try $0.checked(0).narrowed(1, start: 0, length: 1)
          return try keeps ? token : token.squeezed(1)
        })
      found.append(
        form(
          one, .tokenPooling, "the reference leaves token 0 out of the \(reduction.rawValue)",
          fix: "leave token 0 out of the \(reduction.rawValue)"
        ) {
          try $0.checked(0).narrowed(1, start: 1, length: length - 1)
            .reduced(reduction, axes: axes, keepingAxes: keeps)
        })
    }
    return found
  }

  private static func subsets(_ rank: Int, _ count: Int) -> [[Int]] {
    guard rank <= 5 else { return [] }
    return (0..<(1 << rank)).map { mask in (0..<rank).filter { mask >> $0 & 1 == 1 } }
      .filter { $0.count == count }
  }

  func softmax(_ one: ObservedOperation, _ axis: Int, _ isLogarithm: Bool) -> [Change] {
    guard let operand = one.operands.first else { return [] }
    var found = (0..<operand.rank).filter { $0 != axis && operand.shape[$0] > 1 }.map { other in
      form(
        one, .softmaxAxis, "the softmax runs over axis \(axis) here and \(other) in the reference",
        fix: "take the softmax over axis \(other)"
      ) {
        try EngineOperation.softmax(axis: other, isLogarithm: isLogarithm).result(of: $0)
      }
    }
    let (here, there) = isLogarithm ? ("log-softmax", "softmax") : ("softmax", "log-softmax")
    found.append(
      form(
        one, .activationForm, "the \(here) is a \(there) in the reference",
        fix: "take the \(there)"
      ) { try EngineOperation.softmax(axis: axis, isLogarithm: !isLogarithm).result(of: $0) })
    found.append(leftOut(one, operand: 0, "takes the softmax"))
    found.append(
      form(
        one, .activationForm, "the softmax is a sigmoid in the reference", fix: "take the sigmoid"
      ) { try $0.checked(0).activated(.sigmoid) })
    found += scales(near: 1, of: one).map { scale, name in
      form(
        one, .attentionScale, "the reference multiplies the scores by \(name) before the softmax",
        fix: "multiply the scores by \(name)"
      ) { try one.operation.result(of: [$0.checked(0).affine(scale: scale)]) }
    }
    return found
  }

  // MARK: Attention

  func attention(_ one: ObservedOperation, _ scale: Double) -> [Change] {
    guard one.operands.count >= 3 else { return [] }
    var found = scales(near: scale, of: one).map { other, name in
      form(
        one, .attentionScale, "the attention's scale is \(scale) here and \(name) in the reference",
        fix: "give the attention the scale \(name)"
      ) { try EngineOperation.attention(scale: other).result(of: $0) }
    }
    let names = ["q", "k", "v"]
    for order in Self.permutations([0, 1, 2]) where order != [0, 1, 2] {
      found.append(
        form(
          one, .qkvOrder,
          "what is used as q, k, v here is \(order.map { names[$0] }.joined(separator: ", ")) in the "
            + "reference", fix: "take q, k, v from the parts \(order)"
        ) { operands in
          try one.operation.result(
            of: order.map { try operands.checked($0) } + operands.dropFirst(3))
        })
    }
    if one.operands.count > 3 {
      found.append(
        form(one, .attentionMask, "the reference has no bias or mask", fix: "leave the bias out") {
          try one.operation.result(of: Array($0.prefix(3)))
        })
    }
    for property in computation.explorer.properties where one.operands.count == 3 {
      found.append(
        form(
          one, .attentionMask, "the reference adds \(property.name) to the scores",
          fix: "give the attention the bias \(property.name)"
        ) { try one.operation.result(of: $0 + [property.tensor]) })
    }
    return found
  }

  func product(_ one: ObservedOperation) -> [Change] {
    guard one.operands.count == 2 else { return [] }
    var found = scales(near: 1, of: one).map { scale, name in
      form(
        one, .scaleLeftOut, "the reference multiplies the matrix product by \(name)",
        fix: "multiply the matrix product by \(name)"
      ) { try one.operation.result(of: $0).affine(scale: scale) }
    }
    for index in 0...1 {
      let shape = one.operands[index].shape
      guard shape[shape.rank - 1] == shape[shape.rank - 2], shape[shape.rank - 1] > 1 else {
        continue
      }
      found.append(
        form(
          one, .axisOrder,
          "the reference multiplies with \(computation.words(one.operands[index])) transposed",
          fix: "exchange the last two axes of \(computation.words(one.operands[index]))"
        ) { try one.operation.result(of: $0.replacing(index, $0.checked(index).transposed())) })
    }
    return found
  }
}
