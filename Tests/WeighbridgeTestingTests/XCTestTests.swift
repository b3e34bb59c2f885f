import Weighbridge
import WeighbridgeTesting
import XCTest

/// As users call it from XCTest.
final class XCTestTests: XCTestCase {
  func testARightModulePasses() throws {
    expectParity(.weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference)
    try requireParity(.weights(Fixture.weights) { try Gate($0) }, with: Fixture.reference)
  }

  func testRequiredParityThrows() {
    XCTAssertThrowsError(
      try requireParity(
        .weights(Fixture.weights) { try Gate($0, isWrong: true) }, with: Fixture.reference)
    ) { error in
      XCTAssertTrue("\(error)".hasPrefix("FAIL Gate · first source fc.3"))
    }
  }

  #if canImport(Darwin)
    func testAWrongModuleFails() {
      XCTExpectFailure {
        _ = expectParity(
          .weights(Fixture.weights) { try Gate($0, isWrong: true) }, with: Fixture.reference)
      }
    }
  #else
    /// Runs a failing test within this one: its failure counts in its own run alone. An error, not an
    /// assertion, tells of it: the inner run leaves no current test behind.
    func testAWrongModuleFails() throws {
      let inner = FailsOnPurpose(name: "a wrong module") { _ in
        expectParity(
          .weights(Fixture.weights) { try Gate($0, isWrong: true) }, with: Fixture.reference)
      }
      inner.run()
      guard let run = inner.testRun, run.failureCount == 1 else {
        throw WeighbridgeError(.engine, "the wrong module did not fail its test once")
      }
      guard let failure = inner.failures.first, inner.failures.count == 1,
        failure.text.contains("FAIL Gate · first source fc.3"), failure.text.contains("\nsource"),
        failure.file.hasSuffix("XCTestTests.swift"), failure.line > 0
      else {
        throw WeighbridgeError(.engine, "the failure reads \(inner.failures)")
      }
    }
  #endif
}

#if !canImport(Darwin)
  /// Keeps what is recorded in it.
  private final class FailsOnPurpose: XCTestCase {
    private(set) var failures: [(text: String, file: String, line: Int)] = []

    override func recordFailure(
      withDescription description: String, inFile filePath: String, atLine lineNumber: Int,
      expected: Bool
    ) {
      failures.append((description, filePath, lineNumber))
      super.recordFailure(
        withDescription: description, inFile: filePath, atLine: lineNumber, expected: expected)
    }
  }
#endif
