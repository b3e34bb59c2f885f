import Testing

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
