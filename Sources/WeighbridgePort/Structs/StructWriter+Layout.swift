/// Where an expression begins: how far its statement is indented, and what stands before it there.
struct Column {
  let indent: Int
  var ahead = 0

  /// Whether a line has room for this text.
  func fits(_ text: String) -> Bool {
    !text.contains("\n") && indent + ahead + text.count <= Column.width
  }

  /// Where a statement one level deeper begins.
  var deeper: Column { Column(indent: indent + 2) }

  /// About how many lines a text takes, formatted.
  func height(_ text: String) -> Int {
    text.split(separator: "\n").reduce(0) { count, line in
      if fits(String(line)) { return count + 1 }
      // What a call is given stands below it.
      let given = line.firstIndex(of: "(").map { line[$0...].count } ?? line.count
      return count + 2 + given / (Column.width - indent - 2)
    }
  }

  private static let width = 98
}

extension StructWriter {
  /// A module in a scope: in one line where there is no column, or room for it; else with the modules that
  /// it is given and holds in lines of their own.
  func made(_ building: Building, scope: String, at column: Column? = nil) -> Code {
    switch building {
    case .module(let name, let throwing, let parts):
      let arguments = arguments(name, parts, scope, nil)
      let flat = Code.call(name, arguments, throwing: throwing)
      guard let column, !column.fits(flat.marked) else { return flat }
      if let trailing = trailing(name, parts, scope, column) { return trailing }
      return .call(name, self.arguments(name, parts, scope, column), throwing: throwing)
    case .chain(let items):
      return sequential(
        items.enumerated().map { Building.Part("\($0)", $1) }, isNumbered: true, scope, column)
    case .named(let parts): return sequential(parts, isNumbered: false, scope, column)
    case .parameter(let name, .optional):
      return .call("\(name)?", [Argument(nil, Code(scope))], throwing: true)
    case .parameter(let name, _):
      return .call(name, [Argument(nil, Code(scope))], throwing: true)
    default: return Code(text(building))
    }
  }

  private func arguments(
    _ name: String, _ parts: [Building.Part], _ scope: String, _ column: Column?
  ) -> [Argument] {
    let arguments = parts.compactMap { part -> Argument? in
      if case .leaf(let text, _) = part.value, text == part.standard { return nil }
      return Argument(part.label, Code(text(part.value, at: column?.deeper)))
    }.map { name == "Conv2d" ? $0.squared(parts) : $0 }
    return [Argument(nil, Code(scope))]
      + (name.hasSuffix("Pool2d") ? stride(arguments) : arguments)
  }

  /// A pool whose stride is its kernel need not say so.
  private func stride(_ arguments: [Argument]) -> [Argument] {
    guard let kernel = arguments.first(where: { $0.label == "kernel" }),
      let stride = arguments.firstIndex(where: { $0.label == "stride" }),
      arguments[stride].value.text == kernel.value.text
    else { return arguments }
    var result = arguments
    result.remove(at: stride)
    return result
  }

  /// A call whose only module stands behind its parentheses; `nil` where there is none, or others beside it, or
  /// arguments below the call take no more lines.
  private func trailing(
    _ name: String, _ parts: [Building.Part], _ scope: String, _ column: Column
  ) -> Code? {
    guard let last = parts.last, last.value.isClosure,
      parts.count(where: { [.build, .optional, .builds].contains($0.value.kind) }) == 1
    else { return nil }
    let head = Code.call(name, arguments(name, Array(parts.dropLast()), scope, nil))
    let body = made(last.value, scope: "$0", at: column.deeper.after("try "))
    let below = column.deeper.packed(arguments(name, parts, scope, nil).map(\.text))
    guard column.fits("try \(head.text) {"),
      below.map({ $0 > column.deeper.height(body.marked) + 1 }) ?? true
    else { return nil }
    return Code("\(head.text) {\n\(body.marked.indented)\n}", isThrowing: true)
  }

  /// A closure that builds a module.
  func closure(_ building: Building, at column: Column? = nil) -> String {
    if case .parameter(let name, .build) = building { return name }
    if case .parameter(let name, .optional) = building { return name }
    if building == .absent { return "nil" }
    let flat = "{ \(made(building, scope: "$0").marked) }"
    guard let column, !column.fits(flat) else { return flat }
    let body = made(building, scope: "$0", at: column.deeper.after("try "))
    return "{\n\(body.marked.indented)\n}"
  }

  // Sequential

  private func sequential(
    _ parts: [Building.Part], isNumbered: Bool, _ scope: String, _ column: Column?
  ) -> Code {
    let items = parts.map(\.value)
    let list = isNumbered ? list(items) : nil
    func flat(_ list: [Argument]) -> Code {
      .call("Sequential", [Argument(nil, Code(scope))] + list, throwing: true)
    }
    if let list, column?.fits(flat(list).marked) ?? true { return flat(list) }
    let inner = (column ?? Column(indent: 4)).deeper
    let statements = statements(parts, inner) { "w / \($0)" }
    let built = Code(
      "Sequential(in: \(scope)) { w in\n"
        + statements.map(\.indented).joined(separator: "\n") + "\n}", isThrowing: true)
    guard let list, list.count > 1, let packed = inner.packed(list.map(\.text)) else {
      return built
    }
    return packed + 1 < statements.reduce(2) { $0 + inner.height($1) } ? flat(list) : built
  }

  /// The children as arguments: one after the other, or rows of equal ones where that is shorter.
  private func list(_ items: [Building]) -> [Argument] {
    if items.count == 1, case .repeated(let element, let count) = items[0] {
      return [
        Argument(nil, Code("[Build](repeating: \(closure(element)), count: \(text(count)))"))
      ]
    }
    let plain = items.map { Argument(nil, Code(closure($0))) }
    guard !items.contains(where: { $0.kind == .builds }) else { return plain }
    let rows = Building.runs(items).enumerated().map { place, run in
      Argument(place == 0 ? "rows" : nil, Code("(\(run.count), \(closure(run.first)))"))
    }
    func size(_ arguments: [Argument]) -> Int { arguments.reduce(0) { $0 + $1.text.count + 2 } }
    return size(rows) < size(plain) ? rows : plain
  }

  /// The members of a module that runs them one after the other.
  func sequential(_ members: [Layout.Property]) throws -> String {
    var (lines, parts) = ([String](), [Building.Part]())
    let column = Column(indent: 6)
    func finish() {
      lines += statements(parts, column) { "w / \($0)" }
      parts = []
    }
    for member in members {
      guard let building = family.template.first(where: { $0.name == member.name })?.building else {
        throw PortLimit("has a member that is nothing")
      }
      guard case .modules = member.content else {
        parts.append(Building.Part(member.key, building))
        continue
      }
      finish()
      switch building {
      case .list(let items):
        lines += statements(items.enumerated().map { Building.Part("\($0)", $1) }, column) {
          scope(member, $0)
        }
      case .repeated(let element, let count):
        let items = [Building.Part("0", .repeated(element, count))]
        lines += statements(items, column) { scope(member, $0) }
      default:
        let place = scope(member, "index")
        lines.append(
          "for (index, layer) in \(text(building)).enumerated() {\n  try layer(\(place))\n}")
      }
    }
    finish()
    // An argument of the initialiser may be called so, too.
    let own = family.parameters.contains { $0.name == "layers" } ? "self.layers" : "layers"
    let head = "\(own) = try Sequential(in: w) { w in"
    if lines.count == 1, Column(indent: 4).fits("\(head) \(lines[0]) }") {
      return "\(head) \(lines[0]) }"
    }
    return "\(head)\n" + lines.map(\.indented).joined(separator: "\n") + "\n}"
  }

  /// The children as statements, with runs of equal ones as loops.
  private func statements(
    _ parts: [Building.Part], _ column: Column, _ scope: (String) -> String
  ) -> [String] {
    var (lines, place) = ([String](), 0)
    let index = family.parameters.contains { $0.name == "index" } ? "place" : "index"
    let isNumbered = parts.enumerated().allSatisfy { $1.label == "\($0)" }
    func made(_ item: Building, _ place: String, _ column: Column) -> String {
      self.made(item, scope: scope(place), at: column.after("try ")).marked
        .replacing(" * $0", with: " * \(index)")
    }
    func loop(_ first: Int, _ last: String, _ item: Building) -> String {
      "for \(index) in \(first)..<\(last) {\n\(made(item, index, column.deeper).indented)\n}"
    }
    let single = parts.map { (first: $0.value, count: 1) }
    for (item, count) in isNumbered ? Building.runs(parts.map(\.value)) : single {
      if case .repeated(let element, let count) = item {
        lines.append(loop(place, text(count), element))
        continue
      }
      let key = isNumbered ? "\(place)" : Code.string(parts[place].label ?? "").text
      let one = made(item, key, column)
      if count * column.height(one) > 2 + column.deeper.height(one) {
        lines.append(loop(place, "\(place + count)", item))
      } else {
        lines.append(one)
        lines += (1..<count).map { made(item, "\(place + $0)", column) }
      }
      place += count
    }
    return lines.filter { $0 != "nil" }
  }
}

extension Column {
  /// The same behind some text.
  func after(_ text: String) -> Column { Column(indent: indent, ahead: ahead + text.count) }

  /// How many lines expressions take beside each other; `nil` where one is too long for a line.
  func packed(_ items: [String]) -> Int? {
    var (lines, used) = (1, 0)
    for item in items {
      guard fits(item + ", ") else { return nil }
      if used > 0, !fits(String(repeating: " ", count: used) + item + ", ") {
        (lines, used) = (lines + 1, 0)
      }
      used += item.count + 2
    }
    return lines
  }
}

extension Argument {
  /// The argument of a layer that takes one number for both axes, where all that are given are such.
  fileprivate func squared(_ parts: [Building.Part]) -> Argument {
    let axes = parts.filter { [.pair, .padding].contains($0.value.kind) }
    guard axes.allSatisfy({ $0.value.both != nil }),
      let own = axes.first(where: { $0.label == label })?.value.both
    else { return self }
    return Argument(label, Code(own))
  }
}

extension Building {
  /// The number or the parameter that a pair is of both times.
  fileprivate var both: String? {
    switch self {
    case .leaf(let text, _): Int(text).map { "\($0)" }
    case .parameter(let text, .pair) where text.hasPrefix("Pair("):
      String(text.dropFirst("Pair(".count).dropLast())
    case .parameter(let text, .padding) where text.hasPrefix("Padding("):
      text.split(separator: " ").last.map { "\($0.dropLast())" }
    default: nil
    }
  }

  /// Whether it is written as a closure with a body.
  fileprivate var isClosure: Bool {
    switch self {
    case .module, .chain, .named: true
    default: false
    }
  }
}

extension String {
  /// Every line of it one level deeper.
  var indented: String {
    split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
  }
}
