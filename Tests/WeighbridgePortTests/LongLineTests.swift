import Testing

@testable import WeighbridgePort

/// What `swift format` leaves too long is broken, and stays so.
struct LongLineTests {
  @Test(arguments: [
    """
    let y = try f(
      a.reshaped([
        x.shape[0]
          * floorDivision(
            x.shape[2] + pythonModulo(windowSizes - x.shape[2] % windowSizes, windowSizes), windowSizes),
      ]))

    """,
    """
    let y =
      (first
      * Tensor.concatenated(
        [convList[0](parts[0]), convList[1](parts[1]), convList[2](parts[2])], axis: 1
      ).reshaped([keys.shape[0], keys.shape[1], keys.shape[3], input.size0 * input.size1]).transposed(-1, -2))
      .padded([AxisPadding(0, 0), AxisPadding(1, 0), AxisPadding(0, 0)], .constant(0))

    """,
  ])
  func areBroken(_ text: String) throws {
    let plain = text.filter { !$0.isWhitespace }
    #expect(LongLines.count(text) == 1)
    let broken = LongLines.broken(text)
    #expect(LongLines.count(broken) == 0)
    #expect(broken.filter { !$0.isWhitespace } == plain)
    let formatted = try #require(
      SwiftFormat.formatted([.init(path: "A.swift", text: text)]).first)
    #expect(LongLines.count(formatted.text) == 0)
    // It leaves out a last comma.
    let words = { (text: String) in text.filter { !$0.isWhitespace && $0 != "," } }
    #expect(words(formatted.text) == words(text))
  }

  @Test func textsAndCommentsStay() {
    let text = String(repeating: "word, ", count: 30)
    for line in ["// \(text)", "let y = \"\(text)\""] {
      #expect(LongLines.broken(line) == line)
    }
  }
}
