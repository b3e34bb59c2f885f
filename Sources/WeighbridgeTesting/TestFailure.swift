import Weighbridge

#if canImport(Testing)
  import Testing
#endif
#if canImport(XCTest)
  import XCTest
#endif

/// Fails the current test, whichever framework runs it.
enum TestFailure {
  /// A place in a test's source.
  struct Place {
    var fileID: String
    var filePath: StaticString
    var line: UInt
    var column: UInt
  }

  static func record(_ message: String, at place: Place) {
    #if canImport(Testing)
      if Test.current != nil {
        record(inSwiftTesting: message, at: place)
        return
      }
    #endif
    #if canImport(XCTest)
      XCTFail(message, file: place.filePath, line: place.line)
    #endif
    #if canImport(Testing)
      // A detached task belongs to no test that Swift Testing knows of, and must fail its run all
      // the same. Where XCTest runs, nothing listens.
      record(inSwiftTesting: message, at: place)
    #endif
  }

  /// Keeps the report with charts beside the test's results, where the framework keeps attachments.
  static func attach(_ verdict: Verdict, at place: Place) {
    #if canImport(Testing) && compiler(>=6.2)
      guard Test.current != nil else { return }
      Attachment.record(
        verdict.html(), named: "\(verdict.model).html", sourceLocation: location(place))
    #endif
  }

  #if canImport(Testing)
    private static func location(_ place: Place) -> SourceLocation {
      SourceLocation(
        fileID: place.fileID, filePath: "\(place.filePath)", line: Int(place.line),
        column: Int(place.column))
    }

    private static func record(inSwiftTesting message: String, at place: Place) {
      Issue.record(
        Comment(rawValue: message),
        sourceLocation: location(place))
    }
  #endif
}
