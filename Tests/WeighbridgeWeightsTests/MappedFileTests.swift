import Testing
import WeighbridgeTensors

@testable import WeighbridgeWeights

@Suite struct MappedFileTests {
  @Test func missingFile() {
    #expect(throws: WeighbridgeError.self) { try MappedFile(path: "/nonexistent/file") }
  }

  @Test func directory() throws {
    let error = #expect(throws: WeighbridgeError.self) { try MappedFile(path: "/") }
    #expect(error?.message == "is a directory, not a file")
  }
}
