import Testing
import WeighbridgeModules

@testable import WeighbridgeMapping

@Suite struct RulesTests {
  /// Tensors whose values count up, so that every move shows.
  private func checkpoint(_ shapes: KeyValuePairs<String, Shape>) throws -> MemoryCheckpoint {
    MemoryCheckpoint(
      try shapes.enumerated().map { index, pair in
        let count = pair.value.elementCount
        let values = (0..<count).map { Float(100 * index + $0) }
        return (name: pair.key, tensor: try Tensor(values, shape: pair.value))
      })
  }

  private func apply(_ yaml: String, to checkpoint: MemoryCheckpoint) throws -> RuleApplication {
    try Rules(yaml: yaml).apply(to: StateDict(checkpoint))
  }

  /// The values of a tensor after rules, and a check that the plan's shape and dtype are right.
  private func values(
    _ name: String, _ application: RuleApplication, _ checkpoint: MemoryCheckpoint
  ) throws -> [Float] {
    let mapped = try #require(application.stateDict.tensors.first { $0.name == name })
    let tensor = try mapped.recipe.tensor { try checkpoint.tensor($0) }
    #expect(tensor.shape == mapped.shape)
    #expect(tensor.dtype == mapped.dtype)
    return try tensor.elements(as: Float.self)
  }

  @Test func renames() throws {
    let source = try checkpoint(["a.w": [1], "b.w": [1], "block3.x": [1], "block12.y.z": [1]])
    let names = try apply(
      """
      - rename: {tensor: a.w, to: first}
      - rename: {prefix: b., to: 'c$$.'}
      - rename: {regex: 'block(\\d+)\\.(.*)', to: 'layer$1.$2'}
      """, to: source
    ).stateDict.tensors.map(\.name)
    #expect(names == ["first", "c$.w", "layer3.x", "layer12.y.z"])
  }

  /// `é` in one scalar and in two are two names, to every kind of pattern.
  @Test func namesAreBytes() throws {
    let (one, two) = ("\u{e9}.w", "e\u{301}.w")
    let patterns: [NamePattern] = [.exact(one), .prefix("\u{e9}"), .regex("\u{e9}.*")]
    for pattern in patterns {
      let matcher = try NameMatcher(pattern)
      #expect(matcher.captures(one) != nil, "\(pattern)")
      #expect(matcher.captures(two) == nil, "\(pattern)")
    }
    // A prefix ends where its bytes do, in the middle of what Swift shows as one letter, too.
    let rest = try #require(NameMatcher(.prefix("e")).captures(two)?.last)
    #expect(Array(rest.utf8) == Array("\u{301}.w".utf8))
    let scalars = try [one, two].enumerated().map { position, name in
      (name, try Tensor([Float(position)], shape: [1]))
    }
    let joined = try Rules([.init(.stack(.exact(one), with: [two], axis: 0, into: "both"))])
      .apply(to: StateDict(MemoryCheckpoint(scalars, path: "file")))
    #expect(joined.stateDict.tensors.map(\.name) == ["both"])
    #expect(joined.stateDict.tensors.first?.shape == [2, 1])
  }

  @Test func regexesMatchWholeNames() throws {
    let source = try checkpoint(["fc.weight": [1], "xfc.weight": [1]])
    let names = try apply("- rename: {regex: 'fc.*', to: gone}", to: source).stateDict.tensors
    #expect(names.map(\.name) == ["gone", "xfc.weight"])
  }

  @Test func layouts() throws {
    let source = try checkpoint(["m": [2, 3], "k": [2, 1, 3], "v": [4], "f": [2, 3]])
    let done = try apply(
      """
      - transpose: m
      - permute: {tensor: k, axes: [2, 0, 1]}
      - reshape: {tensor: v, shape: [2, -1]}
      - flip: {tensor: f, axis: -1}
      """, to: source)
    #expect(try values("m", done, source) == [0, 3, 1, 4, 2, 5])
    #expect(try values("k", done, source) == [100, 103, 101, 104, 102, 105])
    #expect(try values("v", done, source) == [200, 201, 202, 203])
    #expect(try values("f", done, source) == [302, 301, 300, 305, 304, 303])
    #expect(done.stateDict.tensors.first?.transform == "permute [1, 0]")
  }

  @Test func partsAndWholes() throws {
    let source = try checkpoint([
      "0.qkv": [6, 1], "1.q": [1, 2], "1.k": [1, 2], "1.v": [1, 2], "c.0": [2], "c.1": [2],
      "u": [3],
    ])
    let done = try apply(
      """
      - split: {regex: '(\\d)\\.qkv', axis: 0, into: [$1.a, $1.b, $1.c]}
      - concatenate: {regex: '(\\d)\\.q', with: [$1.k, $1.v], axis: 1, into: $1.qkv}
      - stack: {tensor: c.0, with: [c.1], axis: -1, into: codes}
      - split: {tensor: u, axis: 0, sizes: [1, 2], into: [one, two]}
      """, to: source)
    #expect(
      done.stateDict.tensors.map(\.name)
        == ["0.a", "0.b", "0.c", "1.qkv", "codes", "one", "two"])
    #expect(try values("0.b", done, source) == [2, 3])
    #expect(try values("1.qkv", done, source) == [100, 101, 200, 201, 300, 301])
    #expect(try values("codes", done, source) == [400, 500, 401, 501])
    #expect(try values("two", done, source) == [601, 602])
    let joined = try #require(done.stateDict.tensors.first { $0.name == "1.qkv" })
    #expect(joined.source == "1.q + 1.k + 1.v")
  }

  @Test func theInverseLeadsBack() throws {
    let source = try checkpoint([
      "m": [2, 3], "k": [2, 1, 3], "v": [4], "qkv": [6, 2], "c.0": [2], "c.1": [2], "q": [1, 2],
      "r": [2, 2], "d": [2],
    ])
    let done = try apply(
      """
      - rename: {prefix: '', to: 'net.'}
      - transpose: {tensor: net.m}
      - permute: {tensor: net.k, axes: [2, 0, 1]}
      - reshape: {tensor: net.v, shape: [2, 2]}
      - flip: {tensor: net.v, axis: 1}
      - split: {tensor: net.qkv, axis: 0, sizes: [1, 2, 3], into: [a, b, c]}
      - stack: {tensor: net.c.0, with: [net.c.1], axis: 0, into: codes}
      - concatenate: {tensor: net.q, with: [net.r], axis: 0, into: qr}
      - cast: {tensor: net.d, dtype: f64}
      """, to: source)
    #expect(done.lossy.isEmpty)
    let back = try done.inverse.apply(to: done.stateDict)
    #expect(back.stateDict.collisions.isEmpty)
    #expect(Set(back.stateDict.tensors.map(\.name)) == Set(source.entries.map(\.name)))
    for entry in source.entries {
      let tensor = try #require(back.stateDict.tensors.first { $0.name == entry.name })
      #expect(tensor.shape == entry.shape && tensor.dtype == entry.dtype)
      let original = try source.tensor(entry.name).elements(as: Float.self)
      #expect(try values(entry.name, back, source) == original)
    }
  }

  @Test func whatCannotBeUndoneIsSaid() throws {
    let source = try checkpoint(["a": [2], "b": [2]])
    let done = try apply(
      """
      - cast: {tensor: a, dtype: f16}
      - drop: {tensor: b, reason: not needed}
      """, to: source)
    #expect(done.lossy == ["a is cast from float32 to float16", "b is dropped: not needed"])
    #expect(done.dropped.map(\.reason) == ["not needed"])
  }

  @Test func collisionsAreListedWithAllSources() throws {
    let source = try checkpoint(["a.w": [1], "b.w": [1], "c.w": [1]])
    let done = try apply("- rename: {regex: '[ab]\\.w', to: c.w}", to: source)
    #expect(done.stateDict.collisions == [Collision(name: "c.w", sources: ["a.w", "b.w", "c.w"])])
    let fit = try Candidates(source, rules: Rules(yaml: "- rename: {regex: '[ab]\\.w', to: c.w}"))
      .best { _, source in
        try WeightScope.describe(source: source) { scope in
          try scope.parameter("c.w", .vector, [1])
        }
      }
    #expect(!fit.report.isOneToOne)
    #expect(fit.report.error(file: nil)?.message.contains("c.w: a.w, b.w, c.w") == true)
  }

  @Test func nothingIsReadUntilBound() throws {
    // Descriptors have no elements: reading would throw.
    let source = MemoryCheckpoint(["m": .blank([2, 3]), "n": .blank([2, 3])])
    let done = try apply("- concatenate: {tensor: m, with: [n], axis: 0, into: o}", to: source)
    #expect(done.stateDict.tensors.map(\.shape) == [[4, 3]])
  }

  @Test(arguments: [
    ("- rename: {tensor: m2, to: x}", "no tensor matches"),
    ("- permute: {tensor: m, axes: [0, 0]}", "not a permutation"),
    ("- permute: {tensor: m, axes: [0]}", "not a permutation"),
    ("- transpose: {tensor: m, axes: [0, 5]}", "does not exist"),
    ("- reshape: {tensor: m, shape: [5]}", "cannot be reshaped"),
    ("- reshape: {tensor: m, shape: [-1, -1]}", "cannot be reshaped"),
    ("- reshape: {tensor: m, shape: [4611686018427387904, 4]}", "larger than any memory"),
    ("- split: {tensor: m, axis: 1, into: [a, b]}", "does not split"),
    ("- split: {tensor: m, axis: 1, sizes: [1, 1], into: [a, b]}", "do not fill"),
    ("- split: {tensor: m, axis: 7, into: [a]}", "does not exist"),
    ("- concatenate: {tensor: m, with: [z], axis: 0, into: x}", "no tensor 'z'"),
    ("- concatenate: {tensor: m, with: [m], axis: 0, into: x}", "joined twice"),
    ("- concatenate: {tensor: m, with: [v], axis: 0, into: x}", "float32 [4]"),
    ("- stack: {tensor: m, with: [v], axis: 0, into: x}", "[4]"),
    ("- flip: {tensor: m, axis: 2}", "does not exist"),
    ("- cast: {tensor: m, dtype: i32}", "not cast"),
    ("- rename: {tensor: m, to: ''}", "new name is empty"),
    ("- rename: {regex: '(m)', to: '$2'}", "captures 1"),
    ("- rename: {tensor: m, to: 'x$'}", "ends in $"),
  ])
  func rulesThatDoNotFit(yaml: String, message: String) throws {
    let source = try checkpoint(["m": [2, 3], "v": [4]])
    let error = try #require(failure { try apply(yaml, to: source) })
    #expect(error.description.contains(message), "\(error)")
    #expect(error.file == "rules:1")
  }

  @Test func anOptionalRuleMayMatchNothing() throws {
    let source = try checkpoint(["m": [1]])
    _ = try apply("- rename: {tensor: x, to: y, optional: true}", to: source)
  }

  @Test(arguments: [
    ("- renam: {tensor: a, to: b}", "Did you mean 'rename'"),
    ("- rename: {tensor: a}", "needs 'to'"),
    ("- rename: {to: a}", "needs one of tensor, prefix, regex"),
    ("- rename: {tensor: a, prefix: b, to: c}", "needs one of"),
    ("- rename: {tensor: a, to: [b]}", "'to' is text"),
    ("- rename: {tensor: a, to: b, too: c}", "no field 'too'"),
    ("- rename: {tensor: a, tensor: b, to: c}", "twice"),
    ("- permute: {tensor: a, axes: 3}", "list of integers"),
    ("- permute: {tensor: a, axes: [x]}", "list of integers"),
    ("- cast: {tensor: a, dtype: f8}", "a dtype"),
    ("- drop: {tensor: a}", "needs 'reason'"),
    ("- drop: {tensor: a, reason: x, optional: maybe}", "true or false"),
    ("- rename: {regex: '(', to: b}", "regular expression"),
    ("- rename", "one key"),
    ("- {}", "one key"),
    ("rename: {tensor: a, to: b}", "no list"),
    ("just text", "no list"),
    ("- [", "is not YAML"),
    ("- split: {tensor: a, axis: 0, into: []}", "list of names"),
  ])
  func badFilesNameTheLine(yaml: String, message: String) throws {
    let error = try #require(failure { try Rules(yaml: "# a comment\n" + yaml, file: "r.yaml") })
    #expect(error.code == .malformed)
    #expect(error.description.contains(message), "\(error)")
    #expect(error.file?.hasPrefix("r.yaml") == true)
  }

  @Test func linesAreNamed() throws {
    let error = failure {
      try Rules(yaml: "- drop: {tensor: a, reason: b}\n\n- flip: {tensor: a}\n", file: "r.yaml")
    }
    #expect(error?.file == "r.yaml:3")
  }

  @Test func emptyFilesHaveNoRules() throws {
    #expect(try Rules(yaml: "").isEmpty)
    #expect(try Rules(yaml: "# nothing\n").isEmpty)
    #expect(try Rules(yaml: "rules: []").isEmpty)
  }

  @Test func theTextReadsBackTheSame() throws {
    let rules = Rules([
      Rule(.rename(.regex(#"a'(\d+)\.x"#), to: "b$1: \"q\"")), Rule(.rename(.prefix(""), to: "no")),
      Rule(.permute(.exact("true"), axes: [1, 0])), Rule(.reshape(.exact("1.5"), shape: [-1])),
      Rule(.transpose(.exact("null"), axes: [-2, -1])),
      Rule(.split(.exact("a b"), axis: 0, sizes: [1, 2], into: ["x", "# y"])),
      Rule(.split(.exact("s"), axis: 0, sizes: nil, into: ["x"])),
      Rule(.concatenate(.exact("a"), with: ["é"], axis: 1, into: "c")),
      Rule(.stack(.exact("a"), with: ["b\n"], axis: -1, into: "c"), isOptional: true),
      Rule(.flip(.exact("~"), axis: 0)), Rule(.cast(.exact("x"), .float16)),
      Rule(.drop(.exact("y"), reason: "it's {old}")),
    ])
    var read = try Rules(yaml: rules.yaml)
    for index in read.rules.indices { read.rules[index].location = nil }
    #expect(read == rules)
  }
}
