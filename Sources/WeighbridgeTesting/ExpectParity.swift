import Foundation
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
///   - html: Where the report with charts is written, whether the test passes or not. A failure says
///     where it is; Swift Testing keeps it as an attachment, too, where it has attachments.
///   - json: Where the verdict is written as JSON.
///   - junit: Where the verdict is written as JUnit XML.
/// - Returns: The verdict.
@discardableResult
public func expectParity(
  _ subject: ParitySubject, with reference: String,
  options: ValidationOptions = ValidationOptions(), html: String? = nil, json: String? = nil,
  junit: String? = nil, fileID: String = #fileID, filePath: StaticString = #filePath,
  line: UInt = #line, column: UInt = #column
) -> Verdict {
  let verdict = subject.verdict(reference, options)
  let place = TestFailure.Place(fileID: fileID, filePath: filePath, line: line, column: column)
  var report = html
  do {
    try verdict.write(html: html, json: json, junit: junit)
  } catch {
    report = nil
    TestFailure.record("a report cannot be written: \(error)", at: place)
  }
  if !verdict.passes {
    TestFailure.record(ParityFailure(verdict, report: report).description, at: place)
    TestFailure.attach(verdict, at: place)
  }
  return verdict
}

/// Holds a model against a reference file and throws when they differ: the test that does not catch
/// it fails, whatever the framework.
///
/// - Parameter html: Where the report with charts is written where they differ; the error says so.
/// - Throws: `ParityFailure`.
/// - Returns: The verdict, which passes.
@discardableResult
public func requireParity(
  _ subject: ParitySubject, with reference: String,
  options: ValidationOptions = ValidationOptions(), html: String? = nil
) throws(ParityFailure) -> Verdict {
  var verdict = subject.verdict(reference, options)
  guard !verdict.passes else { return verdict }
  do {
    try verdict.write(html: html)
  } catch {
    // The verdict is what counts; why there is no report stands in it.
    verdict.result?.remarks.append(.said("the report cannot be written: \(error)"))
    throw ParityFailure(verdict)
  }
  throw ParityFailure(verdict, report: html)
}

/// A model that does not do what the reference recorded.
public struct ParityFailure: Error, Sendable, CustomStringConvertible {
  /// The columns that its description fits.
  public static let width = 100

  /// What was compared, and what does not hold.
  public let verdict: Verdict
  /// The file with the report, where one was written.
  public let report: String?

  /// - Parameter report: The file with the report, where one was written.
  public init(_ verdict: Verdict, report: String? = nil) {
    self.verdict = verdict
    self.report = report
  }

  /// What the command prints: the headline, the table of layers, and what was not covered; then where
  /// the report is.
  public var description: String {
    let text = TerminalReport(width: Self.width).text(verdict)
    return report.map { "\(text)\nreport: \(URL(filePath: $0).path)" } ?? text
  }
}
