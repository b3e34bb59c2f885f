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

/// RFC 8259's grammar of numbers and words, in both readers.
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

  private static func skip(_ text: String) throws {
    var text = text
    try text.withUTF8 { bytes in
      var reader = try JSONReader(UnsafeRawBufferPointer(bytes))
      try reader.skipValue()
      try reader.end()
    }
  }
}
