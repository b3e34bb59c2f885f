import Testing

@testable import WeighbridgePort

/// Names of a file are legal, distinct identifiers of Swift.
struct NameTests {
  @Test(arguments: [
    ("num_heads", "numHeads"), ("B", "b"), ("qkv", "qkv"), ("QKV", "qkv"), ("class", "classValue"),
    ("self", "selfValue"), ("path", "pathValue"), ("3x3", "value3x3"), ("", "value"),
    ("a\"; exit(1) //", "aExit1"), ("../../etc", "etc"), ("x\ny", "xY"), ("naïve", "naVe"),
    ("conv1_2", "conv1_2"), ("init", "initValue"), ("\u{202E}abc", "abc"),
  ])
  func values(_ name: String, _ expected: String) {
    #expect(Names.value(name) == expected)
  }

  @Test(arguments: [
    ("_DenseLayer", "DenseLayer"), ("Conv2d", "Conv2dModule"), ("Tensor", "TensorModule"),
    ("FixedArchitecture", "FixedArchitectureModule"), ("Tool", "ToolModule"),
    ("résumé", "RSum"), ("", "Net"), ("2d", "Net2d"), ("A} struct B {", "AStructB"),
  ])
  func types(_ name: String, _ expected: String) {
    #expect(Names.type(name) == expected)
  }

  /// A network's class of such a name would be taken for it.
  @Test(arguments: ["resnet", "vit", "unet", "assembled", "staged", "sequences", "functions"])
  func typesThatTheCodeUsesAreNoNamesOfClasses(_ name: String) throws {
    let fixture = try PortedFixture.port(name)
    let code = fixture.bareSources
    let declared = Set(code.matches(of: /(?:struct|enum|typealias) (\w+)/).map { String($0.1) })
    let used = Set(code.matches(of: /[^.\w]([A-Z]\w*)/).map { String($0.1) })
    #expect(used.count > 5)
    #expect(used.subtracting(declared).subtracting(Names.forbiddenTypes).sorted() == [])
  }

  @Test func namesThatDifferInCaseAreToldApart() {
    var names = Names()
    #expect(
      ["norm", "Norm", "norm", "conv1", "conv1"].map { names.unique($0) }
        == ["norm", "Norm2", "norm3", "conv1", "conv1_2"])
  }

  @Test func longNamesAreCut() {
    #expect(Names.value(String(repeating: "a", count: 5000)).count == 60)
    #expect(Names.comment(String(repeating: "a", count: 5000)).count == 84)
  }

  @Test(arguments: [
    ("a\nimport Foundation", "a?import Foundation"), ("*/ code /*", "* / code / *"), ("`x`", "?x?"),
    ("\u{2028}x", "?x"),
  ])
  func comments(_ text: String, _ expected: String) {
    #expect(Names.comment(text) == expected)
  }

  @Test func namesOfClassesLeaveRoomInTheirLine() {
    #expect(Names.kind("Attention").text == "\"Attention\"")
    #expect(Names.kind(String(repeating: "\"", count: 500)).text.count <= 62)
  }

  @Test func chainsAreBrokenBeforeAMethod() {
    let line = "let all = try qkv(x).reshaped([a, b]).permuted([2, 0, 3, 1, 4])"
    #expect(Chain.broken(line, width: 80) == [line])
    #expect(
      Chain.broken(line, width: 50) == [
        "let all = try qkv(x).reshaped([a, b])", "  .permuted([2, 0, 3, 1, 4])",
      ])
    // Where no part has room, in as many lines as there are methods.
    #expect(
      Chain.broken(line, width: 20) == [
        "let all = try qkv(x)", "  .reshaped([a, b])", "  .permuted([2, 0, 3, 1, 4])",
      ])
    // A chain that a call is given stands below it.
    #expect(
      Chain.broken("return try proj(x.transposed(1, 2).reshaped([a, b, c]))", width: 30) == [
        "return try proj(", "  x.transposed(1, 2)", "    .reshaped([a, b, c]))",
      ])
    let two = "return try proj(x.transposed(1, 2).reshaped([a, b, c]), y)"
    #expect(Chain.broken(two, width: 30) == [two])
    let sum = "try first(x).reshaped([a, b]) + second(x).permuted([2, 0, 3, 1, 4])"
    #expect(Chain.broken(sum, width: 50) == [sum])
  }

  @Test func literalsAreEscaped() {
    #expect(Code.string("a\"\\(b)\n\u{7F}é").text == "\"a\\\"\\\\(b)\\u{a}\\u{7f}\\u{e9}\"")
  }
}
