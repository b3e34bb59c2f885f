import WeighbridgeNetwork

extension Spellings {
  static let indexing: [String: Spell] = [
    "getitem": tensor { a in try taken(a, a["index"]) },
    "setitem": tensor(replaced),
    "narrow": tensor { a in
      let x = try a.tensor("input")
      func narrowed(_ x: Code, from start: Code) throws -> Code {
        x.calling(
          "narrowed",
          [
            Argument(nil, try a.integer("dim")), Argument("start", start),
            Argument("length", try a.integer("length")),
          ])
      }
      guard let start = try? a.fixed("start"), start < 0 else {
        return try narrowed(x, from: a.integer("start"))
      }
      let named = a.keep(x)
      return try narrowed(named, from: fromEnd(named, try axis(a, "dim"), -start))
    },
    "select": tensor { a in
      let (x, place) = (try a.tensor("input"), try a.fixed("index"))
      guard place < 0 else {
        return x.calling(
          "selected", [Argument(nil, try a.integer("dim")), Argument(nil, .integer(place))])
      }
      let named = a.keep(x)
      let index = fromEnd(named, try axis(a, "dim"), -place)
      return named.calling("selected", [Argument(nil, try a.integer("dim")), Argument(nil, index)])
    },
    "index_select": tensor {
      try $0.tensor("input").calling(
        "indexed", [Argument(nil, $0.integer("dim")), Argument("by", $0.tensor("index"))])
    },
    "gather": tensor {
      try $0.tensor("input").calling(
        "gathered", [Argument(nil, $0.integer("dim")), Argument(nil, $0.tensor("index"))])
    },
    "copy": tensor { a in
      let (x, source) = (try a.shape("input"), try a.shape("src"))
      guard x.dtype == source.dtype else { throw a.wrong("src") }
      let target = try a.tensor("input")
      return try a.tensor("src").calling("expanded", [Argument("to", target.member("shape"))])
    },
    "one_hot": tensor { a in
      guard try a.fixed("num_classes", default: -1) > 0 else { throw a.wrong("num_classes") }
      let classes = Code.call(
        "Tensor.arange", [Argument("to", try a.integer("num_classes"))], throwing: true)
      return try a.tensor("input").calling("unsqueezed", [Argument(nil, Code("-1"))])
        .calling("compared", [Argument(nil, Code(".equal")), Argument(nil, classes)])
        .calling("converted", [Argument("to", Code(".int64"))])
    },
  ]

  /// So many places before an axis' end.
  private static func fromEnd(_ x: Code, _ axis: Int, _ count: Int) -> Code {
    Code("\(x.at(.atom)).shape[\(axis)] - \(count)", level: .sum)
  }

  private static func axis(_ a: CallSite, _ name: String) throws -> Int {
    let (axis, rank) = (try a.fixed(name), try a.rank("input"))
    return axis < 0 ? axis + rank : axis
  }

  private static func items(_ held: Held) -> [Held] {
    switch held {
    case .list(let items): items
    case .literal(.list(let values)): values.map { .literal($0) }
    default: [held]
    }
  }

  /// What an index picks, axis by axis: numbers, slices and new axes, then places.
  private static func taken(_ a: CallSite, _ index: Held) throws -> Code {
    let items = items(index)
    let rank = try a.rank("input")
    let extents = try a.shape("input").shape
    let used = items.count { item in
      switch item {
      case .literal(.none), .literal(.ellipsis): false
      default: true
      }
    }
    guard used <= rank else { throw a.wrong("index") }
    // Bounds that count from the end say the tensor's size, for which it has a name.
    let source =
      items.contains(where: countsFromEnd) ? a.keep(try a.tensor("input")) : try a.tensor("input")
    let isNamed = !source.isThrowing
    var (result, axis, original) = (source, 0, 0)
    var places: [Code?] = []
    for item in items {
      switch item {
      case .literal(.none):
        result = result.calling("unsqueezed", [Argument(nil, .integer(axis))])
      case .literal(.ellipsis):
        places += [Code?](repeating: nil, count: rank - used)
        axis += rank - used
        original += rank - used
        continue
      case .slice(let start, let end, let step):
        result = try sliced(
          a, result, axis, extents[original], start, end, step,
          size: isNamed ? Code("\(source.at(.atom)).shape[\(original)]") : nil)
        original += 1
      case .code(let code, .tensor(let tensor), _):
        guard tensor.dtype != .bool else {
          throw PortLimit("indexes by a condition, whose result has no shape beforehand")
        }
        places.append(code)
        (axis, original) = (axis + 1, original + 1)
        continue
      case .list, .literal(.list):
        let numbers = try Spellings.items(item).map { try $0.integer() }
        places.append(
          .call(
            "Tensor",
            [
              Argument(nil, Code("\(Code.list(numbers).text) as [Int64]")),
              Argument("shape", Code("[\(numbers.count)]")),
            ], throwing: true))
        (axis, original) = (axis + 1, original + 1)
        continue
      default:
        result = try selected(
          a, result, axis, item, isNamed ? Code("\(source.at(.atom)).shape[\(original)]") : nil)
        original += 1
        continue
      }
      places.append(nil)
      axis += 1
    }
    guard places.contains(where: { $0 != nil }) else { return result }
    if places.count(where: { $0 != nil }) == 1, let only = places.firstIndex(where: { $0 != nil }),
      let code = places[only], case .code(_, .tensor(let tensor), _)? = items.last(where: isPlaces),
      tensor.rank == 1
    {
      return result.calling("indexed", [Argument(nil, .integer(only)), Argument("by", code)])
    }
    let list = Code.list(places.map { $0 ?? Code("nil") })
    return result.calling("indexed", [Argument("by", list)])
  }

  private static func countsFromEnd(_ item: Held) -> Bool {
    switch item {
    case .slice(let start, let end, _):
      (start.form.asInteger ?? 0) < 0 || (end.form.asInteger ?? 0) < 0
        || (end.isNone && !start.isNone)
    case .code(_, .integer(let place), _), .literal(.integer(let place)): place < 0
    default: false
    }
  }

  private static func isPlaces(_ held: Held) -> Bool {
    if case .code(_, .tensor, _) = held { true } else { false }
  }

  private static func selected(
    _ a: CallSite, _ x: Code, _ axis: Int, _ item: Held, _ size: Code?
  ) throws -> Code {
    var place = try item.integer()
    if let fixed = item.fixed?.asInteger, fixed < 0 {
      guard let size else { throw PortLimit("takes the last of something that has no name") }
      place = Code("\(size.text) - \(-fixed)", level: .sum)
    } else if item.fixed == nil, place.text.contains("-") {
      throw a.wrong("index")
    }
    return x.calling("selected", [Argument(nil, .integer(axis)), Argument(nil, place)])
  }

  private static func sliced(
    _ a: CallSite, _ x: Code, _ axis: Int, _ extent: Int, _ start: Held, _ end: Held, _ step: Held,
    size: Code?
  ) throws -> Code {
    guard let stride = step.isNone ? 1 : step.fixed?.asInteger, stride > 0 else {
      throw a.wrong("index")
    }
    /// A bound counted from the front; `nil` for the axis' own end.
    func bound(_ held: Held, isEnd: Bool) throws -> Code? {
      if held.isNone { return nil }
      guard let value = held.form.asInteger else { throw a.wrong("index") }
      if value == 0, held.fixed != nil, !isEnd { return nil }
      let place = value < 0 ? value + extent : value
      guard (0...extent).contains(place) else {
        // Python goes no further than the end.
        if isEnd, value >= extent { return nil }
        throw a.wrong("index")
      }
      guard value < 0 else { return try held.integer() }
      guard let size else { throw PortLimit("counts from the end of something that has no name") }
      if let fixed = held.fixed?.asInteger { return Code("\(size.text) - \(-fixed)", level: .sum) }
      return .infix(size, "+", try held.integer(), .sum, throwing: false)
    }
    let (first, last) = (try bound(start, isEnd: false), try bound(end, isEnd: true))
    var result = x
    if first != nil || last != nil {
      guard let end = last ?? size else {
        throw PortLimit("slices something that has no name")
      }
      let range = Code("\((first ?? Code("0")).at(.product))..<\(end.at(.product))")
      result = result.calling("sliced", [Argument(nil, .integer(axis)), Argument(nil, range)])
    }
    guard stride > 1 else { return result }
    return result.calling(
      "strided",
      [
        Argument(nil, .integer(axis)), Argument("start", Code("0")),
        Argument("step", .integer(stride)),
      ])
  }

  /// Assignment to a slice, as a value.
  private static func replaced(_ a: CallSite) throws -> Code {
    let items = items(a["index"])
    let (rank, x) = (try a.rank("input"), a.keep(try a.tensor("input")))
    let shape = try a.shape("input")
    let value = try side(a, "value", beside: "input")
    if items.count == 1, case .code(let mask, .tensor(let tensor), _) = items[0],
      tensor.dtype == .bool
    {
      return x.calling("choosing", [Argument(nil, value), Argument("where", mask)])
    }
    var (ranges, axis, extents): ([Code], Int, [Code]) = ([], 0, [])
    for item in items {
      let size = Code("\(x.at(.atom)).shape[\(axis)]")
      switch item {
      case .literal(.ellipsis):
        for _ in 0..<(rank - items.count + 1) {
          let all = Code("\(x.at(.atom)).shape[\(axis)]")
          ranges.append(Code("0..<\(all.text)"))
          extents.append(all)
          axis += 1
        }
        continue
      case .slice(let start, let end, let step):
        guard step.isNone || step.fixed?.asInteger == 1 else { throw a.wrong("index") }
        func bound(_ held: Held, _ other: Code) throws -> Code {
          if held.isNone { return other }
          guard let place = held.form.asInteger else { throw a.wrong("index") }
          if place < 0, let fixed = held.fixed?.asInteger {
            return Code("\(size.text) - \(-fixed)", level: .sum)
          }
          guard place >= 0 else { throw a.wrong("index") }
          return place > shape.shape[axis] ? other : try held.integer()
        }
        let (first, last) = (try bound(start, Code("0")), try bound(end, size))
        ranges.append(Code("\(first.at(.product))..<\(last.at(.product))"))
        extents.append(first.text == "0" ? last : .infix(last, "-", first, .sum, throwing: false))
      case .literal(.integer(let place)) where place >= 0:
        ranges.append(Code("\(place)..<\(place + 1)"))
        extents.append(Code("1"))
      default: throw a.wrong("index")
      }
      axis += 1
    }
    while axis < rank {
      let all = Code("\(x.at(.atom)).shape[\(axis)]")
      ranges.append(Code("0..<\(all.text)"))
      extents.append(all)
      axis += 1
    }
    // Python's part has no axes where the index has numbers.
    let numbers = items.enumerated().filter {
      if case .literal(.integer) = $0.1 { true } else { false }
    }
    var part = value
    let valueRank = a["value"].form.tensors.first?.rank ?? 0
    if !numbers.isEmpty, valueRank == rank - numbers.count {
      for (place, _) in numbers {
        part = part.calling("unsqueezed", [Argument(nil, .integer(place))])
      }
    }
    part = part.calling("expanded", [Argument("to", .list(extents))])
    return x.calling("replacing", [Argument(nil, .list(ranges)), Argument("with", part)])
  }
}
