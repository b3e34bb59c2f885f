import Testing

@testable import WeighbridgeNetwork

/// Numbers are computed as Python computes them.
struct PythonArithmeticTests {
  @Test(arguments: [
    ("add", 3, 4, 7), ("sub", 3, 4, -1), ("mul", -3, 4, -12), ("floordiv", 7, 2, 3),
    ("floordiv", -7, 2, -4), ("floordiv", 7, -2, -4), ("floordiv", -7, -2, 3), ("mod", 7, 3, 1),
    ("mod", -7, 3, 2), ("mod", 7, -3, -2), ("mod", -7, -3, -1), ("pow", 2, 10, 1024),
    ("pow", -3, 3, -27), ("pow", 5, 0, 1), ("pow", 0, 0, 1), ("pow", -1, 1_000_000_000, 1),
  ])
  func wholeNumbersStayWhole(_ name: String, _ a: Int, _ b: Int, _ result: Int) throws {
    let operation = try #require(Network.Arithmetic(rawValue: name))
    guard case .integer(let value) = try operation([.integer(a), .integer(b)]) else {
      Issue.record("\(name) of whole numbers is none")
      return
    }
    #expect(value == result)
  }

  @Test(arguments: [
    ("div", 7.0, 2.0, 3.5), ("floordiv", -7.5, 2.0, -4.0), ("mod", -7.5, 2.0, 0.5),
    ("mod", 7.5, -2.0, -0.5), ("pow", 2.0, 0.5, 1.4142135623730951), ("add", 0.1, 0.2, 0.1 + 0.2),
  ])
  func fractions(_ name: String, _ a: Double, _ b: Double, _ result: Double) throws {
    let operation = try #require(Network.Arithmetic(rawValue: name))
    #expect(try operation([.number(a), .number(b)]).asNumber == result)
  }

  @Test func oneNumber() throws {
    func of(_ operation: Network.Arithmetic, _ value: Value) throws -> Double? {
      try operation([value]).asNumber
    }
    #expect(try of(.neg, .integer(3)) == -3)
    #expect(try of(.abs, .integer(-3)) == 3)
    #expect(try of(.floor, .number(-2.5)) == -3)
    #expect(try of(.ceil, .number(-2.5)) == -2)
    #expect(try of(.ceil, .integer(4)) == 4)
    #expect(try Network.Arithmetic.ceil([.number(2.1)]).asInteger == 3)
  }

  @Test(
    "what Python cannot compute, or 64 bits cannot hold, is an error",
    arguments: [
      ("div", 1, 0), ("floordiv", 1, 0), ("mod", 1, 0), ("add", .max, 1), ("mul", .max, 2),
      ("floordiv", .min, -1), ("pow", 3, 1000), ("sub", .min, 1),
    ] as [(String, Int, Int)])
  func errors(_ name: String, _ a: Int, _ b: Int) throws {
    let operation = try #require(Network.Arithmetic(rawValue: name))
    #expect(try failure { try operation([.integer(a), .integer(b)]) }.code == .shape)
  }
}
