import WeighbridgeTensors

/// A regular expression that is matched in time linear in the text: all ways to match advance side by
/// side, one character at a time (Thompson's construction, run as Pike describes), so that none is
/// ever tried twice. `(a+)+$` costs what `a+` costs.
///
/// Read are: characters and escaped ones, `.`, `\d \w \s` and `\D \W \S`, `\t \n \r`, sets `[a-z_\d]`
/// and `[^…]`, groups `(…)`, `(?:…)` and `(?<name>…)`, alternatives, `*`, `+`, `?`, `{n}`, `{n,}`,
/// `{n,m}` with a lazy `?` after them, and `^` and `$` for the ends. Anything else, such as a look-around
/// or a back-reference, is an error. Where a text matches in several ways, groups are as backtracking
/// would find them first.
struct LinearExpression: Sendable {
  /// The number of groups, without the whole.
  let groupCount: Int
  private let program: [Instruction]

  /// The most steps of a program: what counts such as `{1000}` multiply to.
  static let mostSteps = 4000
  /// The longest pattern, in characters, and the deepest nesting of its groups.
  static let (longest, deepest) = (4096, 64)

  /// - Throws: `usage` for what is no expression, or one that is not read.
  init(_ pattern: String) throws {
    var parser = ExpressionParser(pattern)
    let node = try parser.parsed()
    groupCount = parser.groups
    var compiler = ExpressionCompiler()
    try compiler.add(node)
    program = compiler.program + [.match]
  }

  /// The groups when the expression matches the whole text: 0 is the text, and a group that took no
  /// part is empty. `nil` when it does not match.
  func captures(_ text: String) -> [String]? {
    let scalars = Array(text.unicodeScalars)
    var current = ThreadList(program.count)
    let start = [Int](repeating: -1, count: 2 * groupCount)
    add(0, start, at: 0, of: scalars.count, to: &current)
    for (position, scalar) in scalars.enumerated() {
      guard !current.threads.isEmpty else { return nil }
      var next = ThreadList(program.count)
      for thread in current.threads {
        if case .take(let set) = program[thread.step], set.contains(scalar) {
          add(thread.step + 1, thread.slots, at: position + 1, of: scalars.count, to: &next)
        }
      }
      current = next
    }
    for thread in current.threads {
      guard case .match = program[thread.step] else { continue }
      let groups = (0..<groupCount).map { group -> String in
        let (from, to) = (thread.slots[2 * group], thread.slots[2 * group + 1])
        guard from >= 0, to >= from else { return "" }
        var piece = String.UnicodeScalarView()
        piece.append(contentsOf: scalars[from..<to])
        return String(piece)
      }
      return [text] + groups
    }
    return nil
  }

  /// Follows everything that takes no character, the preferred way first. Each step is entered once at
  /// a position, by the way that is preferred.
  private func add(
    _ step: Int, _ slots: [Int], at position: Int, of end: Int, to list: inout ThreadList
  ) {
    var open = [(step, slots)]
    while let (step, slots) = open.popLast() {
      guard list.enter(step) else { continue }
      switch program[step] {
      case .jump(let target): open.append((target, slots))
      case .fork(let first, let second): open += [(second, slots), (first, slots)]
      case .save(let slot):
        var saved = slots
        saved[slot] = position
        open.append((step + 1, saved))
      case .begin: if position == 0 { open.append((step + 1, slots)) }
      case .end: if position == end { open.append((step + 1, slots)) }
      case .take, .match: list.threads.append((step, slots))
      }
    }
  }
}

private enum Instruction: Sendable {
  case take(ScalarSet)
  /// Both ways, the first preferred.
  case fork(Int, Int)
  case jump(Int)
  case save(Int)
  case begin, end, match
}

/// The ways that are alive at a position, the preferred ones first.
private struct ThreadList {
  var threads: [(step: Int, slots: [Int])] = []
  private var entered: [Bool]

  init(_ count: Int) { entered = [Bool](repeating: false, count: count) }

  mutating func enter(_ step: Int) -> Bool {
    defer { entered[step] = true }
    return !entered[step]
  }
}

/// Characters that a step takes.
private struct ScalarSet: Sendable {
  var ranges: [ClosedRange<UInt32>] = []
  var isInverted = false
  /// Sets within the set: `[^\d]`, `[\W_]`.
  var inner: [ScalarSet] = []

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    let found =
      ranges.contains { $0.contains(scalar.value) } || inner.contains { $0.contains(scalar) }
    return found != isInverted
  }

  static func one(_ scalar: Unicode.Scalar) -> ScalarSet {
    ScalarSet(ranges: [scalar.value...scalar.value])
  }

  private static func ranges(_ pairs: (Character, Character)...) -> [ClosedRange<UInt32>] {
    pairs.compactMap { low, high in
      guard let a = low.unicodeScalars.first?.value, let b = high.unicodeScalars.first?.value
      else { return nil }
      return min(a, b)...max(a, b)
    }
  }

  /// `\d`, `\w`, `\s` and their opposites, in ASCII, as names of parameters are.
  static func named(_ letter: Character) -> ScalarSet? {
    switch letter {
    case "d", "D": ScalarSet(ranges: ranges(("0", "9")), isInverted: letter == "D")
    case "w", "W":
      ScalarSet(
        ranges: ranges(("0", "9"), ("A", "Z"), ("a", "z"), ("_", "_")), isInverted: letter == "W")
    case "s", "S": ScalarSet(ranges: [9...13, 32...32], isInverted: letter == "S")
    default: nil
    }
  }
}

private indirect enum ExpressionNode {
  case empty
  case set(ScalarSet)
  case sequence([ExpressionNode])
  case either([ExpressionNode])
  case group(ExpressionNode, Int)
  case repeated(ExpressionNode, from: Int, to: Int?, isLazy: Bool)
  case begin, end
}

private struct ExpressionParser {
  private let pattern: String
  private let letters: [Unicode.Scalar]
  private var position = 0
  private(set) var groups = 0
  private var depth = 0

  init(_ pattern: String) {
    self.pattern = pattern
    letters = Array(pattern.unicodeScalars.prefix(LinearExpression.longest + 1))
  }

  mutating func parsed() throws -> ExpressionNode {
    guard letters.count <= LinearExpression.longest else {
      throw WeighbridgeError(
        .usage, "a regular expression has at most \(LinearExpression.longest) characters")
    }
    let node = try alternatives()
    guard position == letters.count else { throw failure("its ) has no (") }
    return node
  }

  private func failure(_ reason: String) -> WeighbridgeError {
    WeighbridgeError(.usage, "'\(pattern)' is not a regular expression that is read: \(reason)")
  }

  private var next: Unicode.Scalar? { position < letters.count ? letters[position] : nil }

  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    position += 1
    return true
  }

  private mutating func alternatives() throws -> ExpressionNode {
    var branches = [try sequence()]
    while skip("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .either(branches)
  }

  private mutating func sequence() throws -> ExpressionNode {
    var items: [ExpressionNode] = []
    while let letter = next, letter != "|", letter != ")" {
      items.append(try quantified(atom()))
    }
    return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
  }

  private mutating func atom() throws -> ExpressionNode {
    guard let letter = next else { return .empty }
    position += 1
    switch letter {
    case "(": return try group()
    case "[": return .set(try set())
    case ".": return .set(ScalarSet(ranges: [10...10, 13...13], isInverted: true))
    case "^": return .begin
    case "$": return .end
    case "\\": return .set(try escaped())
    case "*", "+", "?": throw failure("nothing stands before its \(letter)")
    default: return .set(.one(letter))
    }
  }

  private mutating func group() throws -> ExpressionNode {
    var index: Int? = groups
    if skip("?") {
      if skip(":") {
        index = nil
      } else if skip("<"), let letter = next, letter.properties.isAlphabetic || letter == "_" {
        while let letter = next, letter != ">" {
          guard ScalarSet.named("w")?.contains(letter) == true else {
            throw failure("a group's name is letters and digits")
          }
          position += 1
        }
        guard skip(">") else { throw failure("a group's name has no end") }
      } else {
        throw failure("of groups, (…), (?:…) and (?<name>…) are read, and no look-around or option")
      }
    }
    if index != nil { groups += 1 }
    depth += 1
    guard depth <= LinearExpression.deepest else {
      throw failure("its groups nest deeper than \(LinearExpression.deepest)")
    }
    let inner = try alternatives()
    depth -= 1
    guard skip(")") else { throw failure("its ( has no )") }
    return index.map { .group(inner, $0) } ?? inner
  }

  private mutating func escaped() throws -> ScalarSet {
    guard let letter = next else { throw failure("it ends in \\") }
    position += 1
    if let named = ScalarSet.named(Character(letter)) { return named }
    switch letter {
    case "t": return .one("\t")
    case "n": return .one("\n")
    case "r": return .one("\r")
    default:
      guard letter.isASCII, !letter.properties.isAlphabetic, letter.properties.numericType == nil
      else { throw failure("\\\(letter) is not read; \\d, \\w, \\s and escaped marks are") }
      return .one(letter)
    }
  }

  private mutating func set() throws -> ScalarSet {
    var set = ScalarSet(isInverted: skip("^"))
    var isFirst = true
    while let letter = next, letter != "]" || isFirst {
      isFirst = false
      position += 1
      if letter == "[" || letter == "&" && next == "&" {
        throw failure("in a set, write \\[ for a bracket; sets of sets are not read")
      }
      let low = letter == "\\" ? try escaped() : .one(letter)
      guard next == "-", position + 1 < letters.count, letters[position + 1] != "]" else {
        set.inner.append(low)
        continue
      }
      position += 1
      guard let end = next else { break }
      position += 1
      let high = end == "\\" ? try escaped() : .one(end)
      guard let from = low.only, let to = high.only, from <= to else {
        throw failure("a range in a set goes from one character to a later one")
      }
      set.ranges.append(from...to)
    }
    guard skip("]") else { throw failure("its [ has no ]") }
    return set
  }

  private mutating func quantified(_ atom: ExpressionNode) throws -> ExpressionNode {
    var node = atom
    var isRepeated = false
    while let letter = next, ["*", "+", "?", "{"].contains(letter) {
      if isRepeated { throw failure("\(letter) follows another repetition") }
      isRepeated = true
      position += 1
      var (from, to): (Int, Int?) = (letter == "+" ? 1 : 0, letter == "?" ? 1 : nil)
      if letter == "{" { (from, to) = try count() }
      let isLazy = skip("?")
      if next == "+" { throw failure("possessive repetitions are not read") }
      switch atom {
      case .begin, .end: throw failure("an end is not repeated")
      default: node = .repeated(node, from: from, to: to, isLazy: isLazy)
      }
    }
    return node
  }

  private mutating func count() throws -> (Int, Int?) {
    func number(_ parser: inout ExpressionParser) -> Int? {
      var digits = ""
      while let letter = parser.next, ("0"..."9").contains(letter), digits.count < 6 {
        digits.unicodeScalars.append(letter)
        parser.position += 1
      }
      return Int(digits)
    }
    guard let from = number(&self) else {
      throw failure("{ is a count such as {2} or {1,3}, or \\{")
    }
    var to: Int? = from
    if skip(",") { to = number(&self) }
    guard skip("}"), to.map({ $0 >= from }) ?? true else {
      throw failure("{ is a count such as {2} or {1,3}, or \\{")
    }
    return (from, to)
  }
}

extension ScalarSet {
  /// The one character that it holds.
  fileprivate var only: UInt32? {
    guard !isInverted, inner.isEmpty, ranges.count == 1, ranges[0].count == 1 else { return nil }
    return ranges[0].lowerBound
  }
}

private struct ExpressionCompiler {
  private(set) var program: [Instruction] = []

  private mutating func emit(_ instruction: Instruction) throws {
    guard program.count < LinearExpression.mostSteps else {
      throw WeighbridgeError(
        .usage,
        "the regular expression's counts multiply to more than "
          + "\(LinearExpression.mostSteps) steps")
    }
    program.append(instruction)
  }

  mutating func add(_ node: ExpressionNode) throws {
    switch node {
    case .empty: break
    case .set(let set): try emit(.take(set))
    case .begin: try emit(.begin)
    case .end: try emit(.end)
    case .sequence(let nodes): for node in nodes { try add(node) }
    case .group(let inner, let index):
      try emit(.save(2 * index))
      try add(inner)
      try emit(.save(2 * index + 1))
    case .either(let branches):
      var ends: [Int] = []
      for (index, branch) in branches.enumerated() {
        guard index < branches.count - 1 else {
          try add(branch)
          break
        }
        let fork = program.count
        try emit(.match)
        try add(branch)
        ends.append(program.count)
        try emit(.match)
        program[fork] = .fork(fork + 1, program.count)
      }
      for end in ends { program[end] = .jump(program.count) }
    case .repeated(let inner, let from, let to, let isLazy):
      try repeated(inner, from, to, isLazy)
    }
  }

  private mutating func repeated(
    _ inner: ExpressionNode, _ from: Int, _ to: Int?, _ isLazy: Bool
  ) throws {
    // A repetition of nothing adds no step: the count itself is bounded, too.
    guard max(from, to ?? 0) <= LinearExpression.mostSteps else {
      throw WeighbridgeError(
        .usage, "a regular expression counts to \(LinearExpression.mostSteps) at most")
    }
    for _ in 0..<from { try add(inner) }
    func fork(_ inside: Int, _ past: Int) -> Instruction {
      isLazy ? .fork(past, inside) : .fork(inside, past)
    }
    guard let to else {
      let loop = program.count
      try emit(.match)
      try add(inner)
      try emit(.jump(loop))
      program[loop] = fork(loop + 1, program.count)
      return
    }
    var forks: [Int] = []
    for _ in from..<max(from, to) {
      forks.append(program.count)
      try emit(.match)
      try add(inner)
    }
    for position in forks { program[position] = fork(position + 1, program.count) }
  }
}
