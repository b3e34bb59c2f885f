import WeighbridgeNetwork

extension Spellings {
  static let shapes: [String: Spell] = [
    "reshape": tensor {
      try $0.tensor("input").calling("reshaped", [Argument(nil, $0.array("shape"))])
    },
    "flatten": tensor { a in
      try a.tensor("input").calling(
        "flattened",
        arguments([
          ("from", a.integer("start_dim", default: 0), "0"),
          ("through", a.integer("end_dim", default: -1), "-1"),
        ]))
    },
    "unflatten": tensor {
      try $0.tensor("input").calling(
        "unflattened", [Argument(nil, $0.integer("dim")), Argument(nil, $0.array("sizes"))])
    },
    "squeeze": tensor { a in
      let shape = try a.shape("input")
      let given = a.isNone("dim") ? Array(0..<shape.rank) : try a.fixedIntegers("dim")
      let axes = given.map { $0 < 0 ? $0 + shape.rank : $0 }
      guard axes.allSatisfy({ $0 >= 0 && $0 < shape.rank }) else { throw a.wrong("dim") }
      return try axes.filter { shape.shape[$0] == 1 }.sorted(by: >)
        .reduce(a.tensor("input")) { $0.calling("squeezed", [Argument(nil, .integer($1))]) }
    },
    "unsqueeze": tensor {
      try $0.tensor("input").calling("unsqueezed", [Argument(nil, $0.integer("dim"))])
    },
    "permute": tensor {
      try $0.tensor("input").calling("permuted", [Argument(nil, $0.array("dims"))])
    },
    "transpose": tensor {
      try $0.tensor("input").calling(
        "transposed", [Argument(nil, $0.integer("dim0")), Argument(nil, $0.integer("dim1"))])
    },
    "movedim": tensor { a in
      let rank = try a.rank("input")
      let from = try a.fixedIntegers("source").map { $0 < 0 ? $0 + rank : $0 }
      let to = try a.fixedIntegers("destination").map { $0 < 0 ? $0 + rank : $0 }
      guard from.count == to.count, Set(from).count == from.count, Set(to).count == to.count,
        (from + to).allSatisfy({ (0..<rank).contains($0) })
      else { throw a.wrong("source") }
      var order = [Int?](repeating: nil, count: rank)
      for (axis, place) in zip(from, to) { order[place] = axis }
      var rest = (0..<rank).filter { !from.contains($0) }[...]
      let axes = order.map { Code.integer($0 ?? rest.popFirst() ?? 0) }
      return try a.tensor("input").calling("permuted", [Argument(nil, .list(axes))])
    },
    "expand": tensor(expanded),
    "expand_as": tensor { a in
      let other = try a.tensor("other")
      return try a.tensor("input").calling("expanded", [Argument("to", other.member("shape"))])
    },
    "view_as": tensor { a in
      let other = try a.tensor("other").member("shape").member("dimensions")
      return try a.tensor("input").calling("reshaped", [Argument(nil, other)])
    },
    "repeat": tensor {
      try $0.tensor("input").calling("repeated", [Argument(nil, $0.array("repeats"))])
    },
    "repeat_interleave": tensor { a in
      if case .tensor = a["repeats"].form { throw a.wrong("repeats") }
      let x = try a.isNone("dim") ? a.tensor("input").calling("flattened") : a.tensor("input")
      return x.calling(
        "repeatedElements",
        [
          Argument(nil, try a.single("repeats")),
          Argument("axis", try a.integer("dim", default: 0)),
        ])
    },
    "flip": tensor { a in
      try a.integers("dims").reduce(a.tensor("input")) {
        $0.calling("flipped", [Argument(nil, $1)])
      }
    },
    "roll": tensor { a in
      let isFlat = a.isNone("dims") || (try? a.fixedIntegers("dims"))?.isEmpty == true
      guard !isFlat else {
        let x = a.keep(try a.tensor("input"))
        return try x.calling("flattened").calling(
          "rolled", [Argument(nil, .list(a.integers("shifts"))), Argument("axes", Code("[0]"))]
        ).calling("reshaped", [Argument(nil, x.member("shape").member("dimensions"))])
      }
      return try a.tensor("input").calling(
        "rolled",
        [
          Argument(nil, .list(a.integers("shifts"))), Argument("axes", .list(a.integers("dims"))),
        ])
    },
    "unfold_dim": tensor {
      try $0.tensor("input").calling(
        "windows",
        [
          Argument(nil, $0.integer("dimension")), Argument("size", $0.integer("size")),
          Argument("step", $0.integer("step")),
        ])
    },
    "diagonal": tensor { a in
      guard try a.fixed("offset", default: 0) == 0 else { throw a.wrong("offset") }
      return try a.tensor("input").calling(
        "diagonal", [Argument(nil, a.integer("dim1")), Argument(nil, a.integer("dim2"))])
    },
    "clone": same, "contiguous": same, "detach": same,
    "to": tensor { a in
      guard case .literal(.dtype(let target)) = a["dtype"] else { return try a.tensor("input") }
      let own = try a.shape("input").dtype
      return try own == target ? a.tensor("input") : a.converted(a.tensor("input"), own, to: target)
    },
    "numel": { .code(try $0.tensor("input").member("elementCount"), $0.form) },
  ]

  private static let same: Spell = tensor { try $0.tensor("input") }

  private static func expanded(_ a: CallSite) throws -> Code {
    let (sizes, rank) = (try a.integers("sizes"), try a.rank("input"))
    let usesOwn = sizes.contains { $0.text == "-1" }
    let x = usesOwn ? a.keep(try a.tensor("input")) : try a.tensor("input")
    let lead = sizes.count - rank
    let extents = try sizes.enumerated().map { index, size in
      guard size.text == "-1" else { return size }
      guard index >= lead else { throw a.wrong("sizes") }
      return Code("\(x.at(.atom)).shape[\(index - lead)]")
    }
    return x.calling("expanded", [Argument("to", .list(extents))])
  }

  static let joining: [String: Spell] = [
    "cat": tensor { try joined($0, "concatenated") },
    "stack": tensor { try joined($0, "stacked") },
    "split": { a in
      let axis = Argument("axis", try a.integer("dim", default: 0))
      guard case .list(let forms) = a.form else { throw a.wrong("input") }
      if let size = a["split_size_or_sections"].form.asInteger {
        let extent = try a.shape("input").shape.resolvedExtent(a.fixed("dim", default: 0))
        guard size > 0, let extent else { throw a.wrong("split_size_or_sections") }
        guard extent % size == 0 else { return try parts(a, forms) }
        let each = try a.integer("split_size_or_sections")
        let sizes = Code.list([Code](repeating: each, count: forms.count))
        return .code(
          try a.tensor("input").calling("split", [Argument("sizes", sizes), axis]), a.form)
      }
      let sizes = Argument("sizes", try a.array("split_size_or_sections"))
      return .code(try a.tensor("input").calling("split", [sizes, axis]), a.form)
    },
    "chunk": { a in
      guard case .list(let forms) = a.form,
        let extent = try a.shape("input").shape.resolvedExtent(a.fixed("dim", default: 0)),
        !forms.isEmpty
      else { throw a.wrong("chunks") }
      guard extent % forms.count == 0, try a.fixed("chunks") == forms.count else {
        return try parts(a, forms)
      }
      return .code(
        try a.tensor("input").calling(
          "split",
          [
            Argument(nil, a.integer("chunks")), Argument("axis", a.integer("dim", default: 0)),
          ]), a.form)
    },
    "unbind": { a in
      guard case .list(let forms) = a.form else { throw a.wrong("input") }
      let (x, axis) = (a.keep(try a.tensor("input"), as: "all"), try a.fixed("dim", default: 0))
      guard forms.count <= 8 else {
        let rank = try a.rank("input")
        let place = axis < 0 ? axis + rank : axis
        return .code(
          Code(
            "(0..<\(x.text).shape[\(place)]).map { try \(x.text).selected(\(axis), $0) }",
            isThrowing: true), a.form)
      }
      return .list(
        forms.enumerated().map { index, form in
          .code(
            x.calling("selected", [Argument(nil, .integer(axis)), Argument(nil, .integer(index))]),
            form)
        })
    },
    "meshgrid": { a in
      guard case .list(let forms) = a.form, forms.count == 2 else { throw a.wrong("tensors") }
      let lines = try a["tensors"].tensors().map { a.keep($0, as: "places") }
      guard lines.count == 2 else { throw a.wrong("tensors") }
      let isXY = try !a.isNone("indexing") && a.text("indexing") == "xy"
      let (rows, columns) = isXY ? (lines[1], lines[0]) : (lines[0], lines[1])
      let shape = Code("[\(rows.text).elementCount, \(columns.text).elementCount]")
      let down = rows.calling("reshaped", [Argument(nil, Code("[-1, 1]"))])
        .calling("expanded", [Argument("to", shape)])
      let across = columns.calling("reshaped", [Argument(nil, Code("[1, -1]"))])
        .calling("expanded", [Argument("to", shape)])
      return .list([.code(isXY ? across : down, forms[0]), .code(isXY ? down : across, forms[1])])
    },
  ]

  /// Parts of unequal extents, as they were recorded: another extent is an error.
  private static func parts(_ a: CallSite, _ forms: [Value]) throws -> Held {
    let axis = try a.fixed("dim", default: 0)
    let sizes = forms.compactMap { form -> Code? in
      guard case .tensor(let tensor) = form else { return nil }
      return tensor.shape.resolvedExtent(axis).map { .integer($0) }
    }
    guard sizes.count == forms.count else { throw a.wrong("input") }
    return .code(
      try a.tensor("input").calling(
        "split", [Argument("sizes", .list(sizes)), Argument("axis", .integer(axis))]), a.form)
  }

  private static func joined(_ a: CallSite, _ name: String) throws -> Code {
    let forms = a["tensors"].form.tensors
    guard let first = forms.first, forms.allSatisfy({ $0.dtype == first.dtype }),
      name == "stacked" || forms.allSatisfy({ $0.shape != [0] })
    else { throw a.wrong("tensors") }
    return .call(
      "Tensor.\(name)",
      [
        Argument(nil, try a["tensors"].tensorArray()),
        Argument("axis", try a.integer("dim", default: 0)),
      ], throwing: true)
  }
}

extension Shape {
  /// The extent of an axis; `nil` where there is none.
  fileprivate func resolvedExtent(_ axis: Int) -> Int? {
    (try? resolvedAxis(axis)).map { self[$0] }
  }
}
