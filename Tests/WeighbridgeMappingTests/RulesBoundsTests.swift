import Testing
import WeighbridgeModules

@testable import WeighbridgeMapping

/// Rules files that would take for ever, all memory, or a trap: each is an error that names its line.
@Suite struct RulesBoundsTests {
  private let source = MemoryCheckpoint([
    "m": .blank([2, 3]), "v": .blank([4]), "empty": .blank([0, 4]),
    "layer1.0.conv1.weight": .blank([8, 3, 3, 3]),
  ])

  @Test(arguments: [
    #"(a+)+$"#, #"^(\w+\.?)+$"#, #"(a*)*$"#, #"(a|a)+$"#, #"(a|aa)+$"#, #"(.*)*$"#, #"([a-z]+)*$"#,
    #"(a?){60}a{60}"#, #"(\w*\w*)*\d"#, #"(a+a+)+$"#, #"((a+)+)+$"#, #"(?:a*?)*?b"#,
  ])
  func nothingBacktracksForEver(pattern: String) throws {
    let matcher = try NameMatcher(.regex(pattern))
    let clock = ContinuousClock()
    let time = clock.measure {
      _ = matcher.captures(String(repeating: "a", count: 5000) + "!")
    }
    #expect(time < .seconds(10), "\(time)")
  }

  /// What backtracking finds, on texts that are short enough for it.
  @Test func groupsAreThoseOfBacktracking() throws {
    let patterns = [
      #"(.*)\.(\d+)\.(.*)"#, #"(a|ab)(c|bcd)(d*)"#, #"(a*)(a?)(a+)"#, #"(a*?)(a*)"#, #"(x)?(a)+"#,
      #"block(\d+)\.(.*)"#, #".*conv\d\.weight"#, #"([a-z_]+\.)*(\w+)"#, #"(?:a|b)*(b)"#,
      #"a{2,3}(a*)"#,
      #"^(a+)$"#, #"([^.]+)\.([^.]*)"#, #"(?<name>\w+)\.[\w.]*"#, #"[a\-z]+"#,
      #"(a{0,2}?)(a*)"#,
      #"(|a)(b?)"#, #"\(a\)|a"#, #"[\d_]+\S*"#,
    ]
    let texts = [
      "", "a", "aa", "aaa", "aaaa", "ab", "abcd", "abb", "b", "bb", "xa", "xaa", "]a", "-", "(a)",
      "layer1.0.conv1.weight", "block3.attn.qkv", "a.b", "a.1.b.2.c", "1_2x", "conv1.weight",
      "é", "a\u{301}",
    ]
    for pattern in patterns {
      let (ours, theirs) = (try LinearExpression(pattern), try Regex(pattern))
      for text in texts where text.unicodeScalars.allSatisfy(\.isASCII) {
        let match = try theirs.wholeMatch(in: text)
        let wanted = match?.output.map { $0.substring.map(String.init) ?? "" }
        #expect(ours.captures(text) == wanted, "\(pattern) on \(text)")
      }
    }
  }

  @Test(arguments: [
    "(?=a)", "(?!a)", "(?<=a)b", "(?i)a", "(a)\\1", "\\bfoo", "a++", "a**", "*a", "(", ")", "[a",
    "a{3,1}",
    "a{", "\\", "[z-a]", "\\p{L}", "(?>a)", "[a&&b]", "[[a]]", "a{99999}", "(a{500}){500}", "(?<n",
    "^*",
    String(repeating: "(", count: 5000), String(repeating: "(?:a", count: 100),
    "((((a{9}){9}){9}){9})",
    "(){999999}",
  ])
  func whatIsNotReadIsSaidWithItsLine(pattern: String) throws {
    let quoted = pattern.replacing("'", with: "''")
    let error = try #require(
      failure { try Rules(yaml: "# one\n- drop: {regex: '\(quoted)', reason: x}\n", file: "r") })
    #expect(error.code == .malformed && error.file == "r:2", "\(error)")
  }

  @Test func yamlThatMultipliesIsRefusedByItsLine() throws {
    var aliases = "- a: &a0 [x, x]\n"
    for level in 1...40 { aliases += "- b: &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    var keys = "- &k0 {x: 1}\n"
    for level in 1...40 { keys += "- &k\(level) {*k\(level - 1) : 1, ? [*k\(level - 1)] : 2}\n" }
    let texts = [
      (aliases, "1"), (keys, "1"), ("- drop: {tensor: a, reason: b}\n- &x y\n", "2"),
      ("- 'a\n  x, &q [1]'\n", "2"), (String(repeating: "[", count: 100_000), "1"),
      ("- x\n" + String(repeating: "{a: ", count: 50_000), "2"),
      (String(repeating: "- ", count: 50_000), "1"), (String(repeating: "? ", count: 50_000), "1"),
      ((0..<1000).map { String(repeating: " ", count: $0) + "a:\n" }.joined(), "258"),
    ]
    for (text, line) in texts {
      let error = try #require(failure { try Rules(yaml: text, file: "r") }, "\(text.prefix(40))")
      #expect(error.code == .malformed && error.file == "r:\(line)", "\(text.prefix(40)): \(error)")
    }
    let large = String(repeating: "# x\n", count: 2 << 20)
    #expect(failure { try Rules(yaml: large, file: "r") }?.message.contains("larger") == true)
    // An ampersand in text is none.
    #expect(try Rules(yaml: "- drop: {tensor: a, reason: R&D a & b}").rules.count == 1)
  }

  @Test(arguments: [
    "- reshape: {tensor: m, shape: [\(Array(repeating: "1", count: 30_000).joined(separator: ","))]}",
    "- reshape: {tensor: m, shape: [-2, -3]}", "- reshape: {tensor: m, shape: [-6]}",
    "- reshape: {tensor: m, shape: [4294967296, 4294967296, 4294967296]}",
    "- reshape: {tensor: empty, shape: [9223372036854775807, 9223372036854775807, 0]}",
    "- split: {tensor: v, axis: 0, sizes: [9223372036854775807, 9223372036854775807, 6], into: [a, b, c]}",
    "- split: {tensor: v, axis: 0, sizes: [-1, 5], into: [a, b]}",
    "- split: {tensor: v, axis: -9223372036854775808, into: [a]}",
    "- split: {tensor: v, axis: 0, sizes: [], into: [a]}",
    "- permute: {tensor: m, axes: [\(Array(repeating: "0", count: 30_000).joined(separator: ","))]}",
    "- permute: {tensor: m, axes: [-9223372036854775808, 9223372036854775807]}",
    "- transpose: {tensor: m, axes: [0]}", "- transpose: {tensor: m, axes: [0, 1, 2]}",
    "- flip: {tensor: m, axis: 9223372036854775807}",
    "- stack: {tensor: m, with: [v], axis: -9223372036854775808, into: x}",
    "- concatenate: {tensor: m, with: [v], axis: 9223372036854775807, into: x}",
    "- spectral_norm: {tensor: m, u: v, v: empty, axis: 9, into: x}",
    "- weight_norm: {tensor: m, magnitude: v, into: x}",
    "- cast: {tensor: m, dtype: f1}", "- flip: {tensor: m, axis: 99999999999999999999}",
  ])
  func rulesThatCannotBeAreErrors(yaml: String) throws {
    let error = try #require(
      failure {
        try Rules(yaml: "# one\n" + yaml, file: "r").apply(to: StateDict(source))
      }, "\(yaml.prefix(60))")
    #expect(error.file == "r:2", "\(error)")
    #expect([.mapping, .malformed].contains(error.code), "\(error)")
  }

  /// 90 kB of rules on one tensor: what reads it goes through each.
  @Test func rulesInARowAreBounded() throws {
    let flips = String(repeating: "- flip: {tensor: m, axis: 0}\n", count: 3000)
    let error = try #require(
      failure { try Rules(yaml: flips, file: "r").apply(to: StateDict(source)) })
    #expect(error.message.contains("in a row") && error.file == "r:65")
    let doubling = (0..<60).map { _ in
      "- split: {tensor: v, axis: 0, into: [a, b]}\n- concatenate: {tensor: a, with: [b], axis: 0, into: v}\n"
    }.joined()
    #expect(
      failure { try Rules(yaml: doubling, file: "r").apply(to: StateDict(source)) }?.code
        == .mapping)
    let names = String(repeating: "- rename: {regex: '(v+)', to: $1$1}\n", count: 60)
    let long = failure { try Rules(yaml: names, file: "r").apply(to: StateDict(source)) }
    #expect(long?.message.contains("longer than") == true)
  }

  /// Rules made of pieces of rules, cut, doubled and exchanged: a result or an error, never a trap.
  @Test func mutatedRulesAreReadOrRefused() throws {
    let seeds = [
      "- rename: {regex: '(.*)\\.(\\d+)\\.(.*)', to: 'x.$2.$1'}",
      "- split: {tensor: v, axis: 0, sizes: [1, 3], into: [a, b]}",
      "- reshape: {tensor: m, shape: [3, -1]}", "- permute: {tensor: m, axes: [1, 0]}",
      "- stack: {tensor: m, with: [m2], axis: 0, into: x, optional: true}",
      "- cast: {prefix: l, dtype: f16}", "- drop: {prefix: v, reason: 'no'}",
      "rules:\n- flip: {tensor: v, axis: 0}",
      "- weight_norm: {regex: '(.*)_v', magnitude: $1_g, into: $1}",
    ]
    let pieces = [
      "-", ": ", "{", "}", "[", "]", "'", "\"", "\n", "*", "&a", "$9", "(", ")", "\\",
      "9223372036854775807",
      "-1", "|", ">", "!!int", "?", "#", "\u{0}", "\u{feff}", "é", "%", "@", "`", ",", "~", "null",
      "0x1F",
    ]
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      var text = Array(seeds.randomElement(using: &generator) ?? "")
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let at = Int.random(in: 0...text.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: text.insert(contentsOf: pieces.randomElement(using: &generator) ?? "", at: at)
        case 1: text.removeSubrange(at..<min(text.count, at + 3))
        default: text += ["\n"] + Array(seeds.randomElement(using: &generator) ?? "")
        }
      }
      do {
        _ = try Rules(yaml: String(text), file: "r").apply(to: StateDict(source))
      } catch let error as WeighbridgeError {
        #expect(error.file?.hasPrefix("r") == true, "\(String(text)): \(error)")
      }
    }
  }
}
