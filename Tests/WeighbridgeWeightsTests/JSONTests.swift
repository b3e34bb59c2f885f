import Testing
import WeighbridgeTensors

@testable import WeighbridgeWeights

@Suite struct JSONTests {
  private func exact(_ texts: [String: String]) -> [ExactText: String] {
    Dictionary(texts.map { (ExactText($0.key), $0.value) }) { first, _ in first }
  }

  @Test(arguments: [
    [:], ["a": ""], ["quote\"": "back\\slash", "é😀": "line\nbreak\ttab\r", "\u{1}": "\u{1f}"],
  ])
  func textsSurvive(_ texts: [String: String]) {
    #expect(JSONText.texts(JSONText.object(texts)) == exact(texts))
  }

  @Test(arguments: [
    ("{\"a\":\"\\u00e9\\ud83d\\ude00\\/\\b\"}", ["a": "é😀/\u{8}"]),
    (" { \"a\" : \"b\" , \"c\":\"d\"\n} ", ["a": "b", "c": "d"]),
  ])
  func escapes(_ json: String, _ texts: [String: String]) {
    #expect(JSONText.texts(json) == exact(texts))
  }

  @Test(arguments: [
    "", "{", "}", "[]", "{\"a\"}", "{\"a\":}", "{\"a\":1}", "{\"a\":\"b\",}", "{\"a\":\"b\"}x",
    "{\"a\":\"b\",\"a\":\"c\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\ud800\\u0041\"}",
    "{\"a\":\"\\udc00\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\n\"}", "{\"a\":\"b}", "{'a':'b'}",
  ])
  func refused(_ json: String) {
    #expect(JSONText.texts(json) == nil)
  }
}
