import WeighbridgeModules
import WeighbridgeTensors

/// What rules made of a state dict.
public struct RuleApplication: Sendable {
  /// The tensors under their new names, with the recipes that read them.
  public internal(set) var stateDict: StateDict
  /// Entries left out by rules, with the reasons given.
  public internal(set) var dropped: [(name: String, reason: String)] = []
  /// The rules that lead back, on these very tensors.
  public internal(set) var inverse = Rules()
  /// What cannot be undone, for people. Empty when `inverse` leads back completely.
  public internal(set) var lossy: [String] = []
}

extension Rules {
  /// Applies the rules in order. Nothing is read.
  ///
  /// - Throws: `mapping` when a rule matches nothing or does not fit a tensor's shape; when a pattern
  ///   or template is none, `malformed` for rules that came from a file, else `usage`. Names that collide are listed in the result, not thrown.
  public func apply(to stateDict: StateDict) throws -> RuleApplication {
    var result = RuleApplication(stateDict: stateDict)
    var applier = RuleApplier(result)
    for (index, rule) in rules.enumerated() {
      do {
        try applier.apply(rule)
      } catch let error as WeighbridgeError {
        var located = error
        located.file = rule.location
        // A shape that no memory holds: the rule asks for it.
        if located.code == .malformed { located.code = .mapping }
        // A template that asks for a group that its pattern lacks: the rules file is at fault.
        if located.code == .usage, rule.location != nil { located.code = .malformed }
        let place = rule.location == nil ? "rule \(index + 1), " : ""
        located.message = "\(place)\(rule.keyword) \(rule.pattern): \(error.message)"
        throw located
      }
    }
    result = applier.result
    result.inverse.rules.reverse()
    return result
  }
}

private struct RuleApplier {
  var result: RuleApplication
  private var undo: [Rule] = []

  init(_ result: RuleApplication) {
    self.result = result
  }

  mutating func apply(_ rule: Rule) throws {
    let matcher = try NameMatcher(rule.pattern)
    let matches = result.stateDict.tensors.indices.compactMap { index in
      matcher.captures(result.stateDict.tensors[index].name).map { (index, $0) }
    }
    guard !matches.isEmpty else {
      if rule.isOptional { return }
      throw noMatch(rule.pattern)
    }
    undo = []
    for (index, _) in matches { try result.stateDict.tensors[index].checkEffort() }
    switch rule.action {
    case .rename(let pattern, let template):
      try rename(matches, pattern, template, matcher)
    case .split(_, let axis, let sizes, let names):
      try split(matches, axis, sizes, names, matcher)
    case .concatenate(_, let others, let axis, let name):
      try join(matches, others, axis, isNew: false, name, matcher)
    case .stack(_, let others, let axis, let name):
      try join(matches, others, axis, isNew: true, name, matcher)
    case .weightNorm(_, let magnitude, let name):
      try compute(matches, [magnitude], name, matcher) { shapes in
        try .weightNorm(direction: shapes[0], magnitude: shapes[1])
      }
    case .spectralNorm(_, let u, let v, let axis, let name):
      try compute(matches, [u, v], name, matcher) { shapes in
        try .spectralNorm(weight: shapes[0], u: shapes[1], v: shapes[2], axis: axis)
      }
    case .drop(_, let reason): drop(matches.map(\.0), reason)
    case .permute, .transpose, .reshape, .flip, .cast:
      for (index, _) in matches { try change(index, rule.action) }
    }
    // The list is turned round at the end, so that the last rule is undone first.
    result.inverse.rules += undo.reversed()
  }

  private func noMatch(_ pattern: NamePattern) -> WeighbridgeError {
    let names = result.stateDict.tensors.map(\.name)
    var remedy = "Correct the name, or add `optional: true`"
    if case .exact(let name) = pattern, let nearest = Spelling.nearest(name, in: names) {
      remedy += ". Did you mean '\(nearest)'?"
    }
    return WeighbridgeError(.mapping, "no tensor matches", remedy: remedy)
  }

  // MARK: Names

  private mutating func rename(
    _ matches: [(Int, [String])], _ pattern: NamePattern, _ template: String, _ matcher: NameMatcher
  ) throws {
    var renames: [(old: String, new: String)] = []
    for (index, captures) in matches {
      var name = try matcher.expand(template, captures)
      if case .prefix = pattern { name += captures[1] }
      guard !name.isEmpty else {
        throw WeighbridgeError(
          .mapping, "the new name is empty", entry: result.stateDict.tensors[index].name)
      }
      renames.append((result.stateDict.tensors[index].name, name))
      result.stateDict.tensors[index].name = name
    }
    let old = Set(renames.map(\.old))
    let exchanged = renames.contains { $0.old != $0.new && old.contains($0.new) }
    if exchanged { result.lossy.append("the names that \(pattern) matches change places") }
    undo += renames.map {
      Rule(.rename(.exact($0.new), to: $0.old.replacing("$", with: "$$")))
    }
    result.stateDict.recordCollisions()
  }

  private mutating func drop(_ indices: [Int], _ reason: String) {
    for index in indices {
      let name = result.stateDict.tensors[index].name
      result.dropped.append((name, reason))
      result.lossy.append("\(name) is dropped: \(reason)")
    }
    let gone = Set(indices)
    result.stateDict.tensors = result.stateDict.tensors.enumerated()
      .filter { !gone.contains($0.offset) }.map(\.element)
  }

  // MARK: Parts

  private mutating func split(
    _ matches: [(Int, [String])], _ axis: Int, _ sizes: [Int]?, _ names: [String],
    _ matcher: NameMatcher
  ) throws {
    for (index, captures) in matches.reversed() {
      let tensor = result.stateDict.tensors[index]
      try WeighbridgeError.naming(tensor.name) {
        let axis = try tensor.shape.resolvedAxis(axis)
        let sizes = try partSizes(tensor.shape, axis, sizes, names.count)
        var start = 0
        let parts = try zip(names, sizes).map { template, size in
          defer { start += size }
          var dimensions = tensor.shape.dimensions
          dimensions[axis] = size
          return MappedTensor(
            name: try matcher.expand(template, captures), dtype: tensor.dtype,
            shape: Shape(dimensions),
            recipe: .part(tensor.recipe, axis: axis, start: start, length: size),
            depth: tensor.depth + 1, reads: tensor.reads, decidedLayout: tensor.decidedLayout)
        }
        result.stateDict.tensors.replaceSubrange(index...index, with: parts)
        guard let first = parts.first else { return }
        undo.append(
          Rule(
            .concatenate(
              .exact(first.name), with: parts.dropFirst().map(\.name.escapingDollars), axis: axis,
              into: tensor.name.escapingDollars)))
      }
    }
    result.stateDict.recordCollisions()
  }

  private func partSizes(
    _ shape: Shape, _ axis: Int, _ sizes: [Int]?, _ count: Int
  ) throws -> [Int] {
    let extent = shape[axis]
    if let sizes {
      // Parts no larger than the whole, so that their sum is a number.
      guard sizes.count == count, sizes.allSatisfy({ $0 >= 0 && $0 <= extent }),
        sizes.reduce(0, { min($0, extent) + $1 }) == extent
      else {
        throw WeighbridgeError(.mapping, "the sizes \(sizes) do not fill axis \(axis) of \(shape)")
      }
      return sizes
    }
    guard count > 0, extent % count == 0 else {
      throw WeighbridgeError(
        .mapping, "axis \(axis) of \(shape) does not split into \(count) equal parts")
    }
    return [Int](repeating: extent / count, count: count)
  }

  private mutating func join(
    _ matches: [(Int, [String])], _ others: [String], _ axis: Int, isNew: Bool, _ name: String,
    _ matcher: NameMatcher
  ) throws {
    var gone: Set<Int> = []
    var joined: [Int: MappedTensor] = [:]
    let positions = positions
    for (index, captures) in matches {
      let parts = try members(index, captures, others, positions, matcher, &gone)
      joined[index] = try MappedTensor.joined(
        parts, axis: axis, isNew: isNew, name: matcher.expand(name, captures))
      if let whole = joined[index] { recordJoinUndo(parts, whole, axis: axis, isNew: isNew) }
    }
    replace(gone, by: joined)
  }

  /// The positions of the tensors by name.
  private var positions: [ExactText: Int] {
    Dictionary(
      result.stateDict.tensors.enumerated().map { (ExactText($0.element.name), $0.offset) }
    ) { first, _ in first }
  }

  /// The tensors that become one: the one that matches, and the others by template.
  private func members(
    _ index: Int, _ captures: [String], _ others: [String], _ positions: [ExactText: Int],
    _ matcher: NameMatcher, _ gone: inout Set<Int>
  ) throws -> [MappedTensor] {
    let first = result.stateDict.tensors[index]
    let indices =
      try [index]
      + others.map { template in
        let other = try matcher.expand(template, captures)
        guard let position = positions[ExactText(other)] else {
          throw WeighbridgeError(
            .mapping, "there is no tensor '\(other)' to join", entry: first.name)
        }
        return position
      }
    guard Set(indices).count == indices.count, gone.isDisjoint(with: indices) else {
      throw WeighbridgeError(.mapping, "a tensor would be joined twice", entry: first.name)
    }
    gone.formUnion(indices)
    return indices.map { result.stateDict.tensors[$0] }
  }

  private mutating func replace(_ gone: Set<Int>, by joined: [Int: MappedTensor]) {
    result.stateDict.tensors = result.stateDict.tensors.enumerated().compactMap { index, tensor in
      joined[index] ?? (gone.contains(index) ? nil : tensor)
    }
    result.stateDict.recordCollisions()
  }

  private mutating func compute(
    _ matches: [(Int, [String])], _ others: [String], _ name: String, _ matcher: NameMatcher,
    _ formula: ([Shape]) throws -> Reparametrisation
  ) throws {
    var gone: Set<Int> = []
    var computed: [Int: MappedTensor] = [:]
    let positions = positions
    for (index, captures) in matches {
      let parts = try members(index, captures, others, positions, matcher, &gone)
      let first = parts[0]
      try WeighbridgeError.naming(first.name) {
        guard parts.allSatisfy({ $0.dtype == first.dtype && $0.dtype.isFloatingPoint }) else {
          throw WeighbridgeError(
            .mapping, "its tensors are \(parts.map { "\($0.dtype)" }.joined(separator: ", "))")
        }
        computed[index] = MappedTensor(
          name: try matcher.expand(name, captures), dtype: first.dtype, shape: first.shape,
          recipe: .computed(parts.map(\.recipe), try formula(parts.map(\.shape))),
          depth: MappedTensor.depth(of: parts), reads: MappedTensor.reads(of: parts))
        result.lossy.append("\(computed[index]?.name ?? name) is computed from \(first.name)")
      }
    }
    replace(gone, by: computed)
  }

  private mutating func recordJoinUndo(
    _ parts: [MappedTensor], _ whole: MappedTensor, axis: Int, isNew: Bool
  ) {
    guard let first = parts.first else { return }
    let axis = axis < 0 ? axis + whole.shape.rank : axis
    let names = parts.map(\.name.escapingDollars)
    let sizes = isNew ? parts.map { _ in 1 } : parts.map { $0.shape[axis] }
    undo.append(Rule(.split(.exact(whole.name), axis: axis, sizes: sizes, into: names)))
    if isNew {
      undo += parts.map { Rule(.reshape(.exact($0.name), shape: first.shape.dimensions)) }
    }
  }

  // MARK: One tensor

  private mutating func change(_ index: Int, _ action: Rule.Action) throws {
    let tensor = result.stateDict.tensors[index]
    try WeighbridgeError.naming(tensor.name) {
      let change = try tensor.change(for: action)
      var after = try change.applied(to: tensor)
      if case .permute(let axes) = change {
        after.decidedLayout = DecidedLayout(axes: tensor.decidedLayout == nil ? axes : nil)
      }
      result.stateDict.tensors[index] = after
      if case .cast(let dtype) = change {
        if !tensor.dtype.converts(exactlyTo: dtype) {
          result.lossy.append("\(tensor.name) is cast from \(tensor.dtype) to \(dtype)")
        }
      }
      undo.append(Rule(change.inverse(on: tensor)))
    }
  }
}

extension WeighbridgeError {
  /// Runs `body`; its errors name this file.
  static func naming<R>(file: String, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as WeighbridgeError {
      throw error.located(file: file)
    }
  }

  /// Runs `body`; its errors become mapping errors at this entry.
  static func naming<R>(_ entry: String, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as WeighbridgeError {
      var copy = error.located(entry: entry)
      if copy.code == .shape { copy.code = .mapping }
      throw copy
    }
  }
}

extension String {
  /// This name as a template that expands to itself.
  var escapingDollars: String { replacing("$", with: "$$") }
}
