import Testing
import WeighbridgeTensors

@testable import WeighbridgeWeights

@Suite struct JSONDocumentTests {
  @Test func writesMembersInOrderAndEscapes() {
    let document = JSONDocument.members([
      "b": .array([1, 2]), "a": "q\"\\\n\u{1}é", "n": .null, "t": .boolean(true),
    ])
    #expect(document.text() == #"{"b":[1,2],"a":"q\"\\\n\u0001é","n":null,"t":true}"#)
  }

  @Test func nonFiniteNumbersAreStrings() {
    let values: [JSONDocument] = [.number(.nan), .number(.infinity), .number(-.infinity)]
    #expect(JSONDocument.array(values).text() == #"["nan","inf","-inf"]"#)
  }

  @Test func indentedShapesStayOnOneLine() {
    let document = JSONDocument.members(["shape": .array([2, 3]), "empty": .array([])])
    #expect(document.text(indented: true) == "{\n  \"shape\": [2, 3],\n  \"empty\": []\n}")
  }
}

/// RFC 8259's grammar, value by value and as a document.
@Suite struct JSONGrammarTests {
  static let wrong = [
    "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "+1", "-", "nan", "NaN", "inf", "Infinity",
    "0x10",
    "1_000", "True", "tru", "truex", "nulll", "1e999", "'a'", "--1", "1.5.2", "\u{feff}1",
  ]
  static let right = [
    "0", "-0", "10", "-1.5", "0.5", "1e5", "1E+5", "1e-5", "0e0", "12.25e2", "true", "false",
    "null",
  ]

  @Test(arguments: wrong) func isRefused(_ text: String) {
    #expect(throws: WeighbridgeError.self) { try JSONDocument(parsing: "[\(text)]") }
    guard text != "1e999" else { return }  // passed over, its size is nobody's matter
    #expect(throws: WeighbridgeError.self) { try Self.skip("{\"a\": \(text)}") }
  }

  @Test(arguments: right) func isRead(_ text: String) throws {
    _ = try JSONDocument(parsing: "[\(text)]")
    try Self.skip("{\"a\": \(text)}")
  }

  @Test func depthIsBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONDocument(parsing: nested(200))
    #expect(throws: WeighbridgeError.self) { try JSONDocument(parsing: nested(201)) }
    #expect(throws: WeighbridgeError.self) { try JSONDocument(parsing: nested(1_000_000)) }
    try Self.skip(nested(32))
    #expect(throws: WeighbridgeError.self) { try Self.skip(nested(33)) }
    // Siblings are not deeper than one.
    try Self.skip("[" + [String](repeating: "[{}]", count: 100).joined(separator: ",") + "]")
  }

  /// A key that stands twice, however it is written, is wrong, unless the caller wants both.
  @Test func keysStandTwiceWhereTheCallerWantsThem() throws {
    let text = #"{"a": 1, "\u0061": 2}"#
    #expect(throws: WeighbridgeError.self) { try JSONDocument(parsing: text) }
    try Self.skip(text)
    var (found, bytes) = ([Int](), text)
    try bytes.withUTF8 {
      var reader = try JSONReader(UnsafeRawBufferPointer($0))
      try reader.object(repeats: true) { found.append(try $1.integer()) }
    }
    #expect(found == [1, 2])
    // Equal to Swift, different to everybody else.
    _ = try JSONDocument(parsing: "{\"\u{e9}\": 1, \"e\u{301}\": 2}")
  }

  @Test(arguments: [
    #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud83dx""#, #""\u12g4""#, #""\u12"#,
    #""\a""#,
    "\"\t\"", "\"", "{\"a\" 1}", "{a: 1}", "[1,]", "{\"a\": 1,}", "[1 2]", "", " ", "[", "{} {}",
    "// x",
  ])
  func isNoJSON(_ text: String) {
    #expect(throws: WeighbridgeError.self) { try JSONDocument(parsing: text) }
    #expect(throws: WeighbridgeError.self) { try Self.skip(text) }
  }

  @Test func bytesThatAreNoUTF8AreRefused() {
    for bytes in [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]]
      as [[UInt8]]
    {
      #expect(throws: WeighbridgeError.self) {
        try bytes.withUnsafeBytes { try JSONDocument(parsing: $0) }
      }
    }
  }

  private static func skip(_ text: String) throws {
    var text = text
    try text.withUTF8 { bytes in
      var reader = try JSONReader(UnsafeRawBufferPointer(bytes))
      try reader.skipValue()
      try reader.end()
    }
  }
}
