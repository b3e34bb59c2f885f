import Weighbridge

/// Holds a model against a reference file and fails the current test, of Swift Testing or of XCTest,
/// when they differ. The failure says what `weighbridge validate` prints: the headline and the table.
///
/// ```swift
/// @Test func sameAsPyTorch() {
///   expectParity(.weights("net.npz") { try Net($0) }, with: "net_reference.npz")
/// }
/// ```
///
/// A file that cannot be read and names that do not map one to one fail the test, too. The test goes
/// on; `requireParity` ends it. Outside of a test nothing but the result tells.
///
/// - Parameters:
///   - subject: The model, and how it is loaded.
///   - reference: The file that the recorder wrote.
///   - options: Tolerances, the oracle, and whether everything must be covered.
/// - Returns: The verdict.
@discardableResult
public func expectParity(
  _ subject: ParitySubject, with reference: String,
  options: ValidationOptions = ValidationOptions(), fileID: String = #fileID,
  filePath: StaticString = #filePath, line: UInt = #line, column: UInt = #column
) -> Verdict {
  let verdict = subject.verdict(reference, options)
  if !verdict.passes {
    TestFailure.record(
      ParityFailure(verdict).description,
      at: TestFailure.Place(fileID: fileID, filePath: filePath, line: line, column: column))
  }
  return verdict
}

/// Holds a model against a reference file and throws when they differ: the test that does not catch
/// it fails, whatever the framework.
///
/// - Throws: `ParityFailure`.
/// - Returns: The verdict, which passes.
@discardableResult
public func requireParity(
  _ subject: ParitySubject, with reference: String,
  options: ValidationOptions = ValidationOptions()
) throws(ParityFailure) -> Verdict {
  let verdict = subject.verdict(reference, options)
  guard verdict.passes else { throw ParityFailure(verdict) }
  return verdict
}

/// A model that does not do what the reference recorded.
public struct ParityFailure: Error, Sendable, CustomStringConvertible {
  /// The columns that its description fits.
  public static let width = 100

  public let verdict: Verdict

  public init(_ verdict: Verdict) {
    self.verdict = verdict
  }

  /// What the command prints: the headline, the table of layers, and what was not covered.
  public var description: String { TerminalReport(width: Self.width).text(verdict) }
}
