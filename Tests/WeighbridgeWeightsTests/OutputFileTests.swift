import Foundation
import Testing
import WeighbridgeTensors

@testable import WeighbridgeWeights

@Suite struct OutputFileTests {
  @Test func appearsWhenCommitted() throws {
    let directory = try TemporaryDirectory()
    let file = try OutputFile(path: directory.path("out"))
    try file.append([1, 2, 3])
    #expect(!directory.names.contains("out"))
    try file.commit()
    #expect(directory.names == ["out"])
    #expect(try Array(directory.data("out")) == [1, 2, 3])
  }

  @Test func replacesAtOnceAndThroughLinks() throws {
    let directory = try TemporaryDirectory()
    try Data("old".utf8).write(to: URL(filePath: directory.path("real")))
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("link"), withDestinationPath: "real")
    let file = try OutputFile(path: directory.path("link"))
    try file.append(Array("new".utf8))
    #expect(try directory.data("real") == Data("old".utf8))
    try file.commit()
    #expect(directory.names == ["link", "real"])
    #expect(try directory.data("real") == Data("new".utf8))
  }

  @Test func droppedLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    do {
      let file = try OutputFile(path: directory.path("out"))
      try file.append([1])
    }
    #expect(directory.names.isEmpty)
  }

  /// A write that the system refuses, here for its position beyond any disk, is an error, and nothing
  /// is left behind.
  @Test func refusedWriteIsAnError() throws {
    let directory = try TemporaryDirectory()
    do {
      let file = try OutputFile(path: directory.path("out"))
      let error = #expect(throws: WeighbridgeError.self) {
        try [UInt8(1)].withUnsafeBytes { try file.write($0, at: Int.max - 8) }
      }
      #expect(error?.code == .unwritable)
    }
    #expect(directory.names.isEmpty)
  }

  @Test func fullDiskMessage() {
    let error = SystemCall.writeError("/disk/file", ENOSPC)
    #expect(error.description.contains("No space left"))
    #expect(error.remedy?.contains("Free") == true)
  }

  @Test(arguments: ["/dev/null", "/", "/no/such/directory/file"])
  func badDestinations(_ path: String) {
    let error = #expect(throws: WeighbridgeError.self) { try OutputFile(path: path) }
    #expect(error?.code == .unwritable)
    #expect(error?.file == path)
  }

  @Test func longNames() throws {
    let directory = try TemporaryDirectory()
    let name = String(repeating: "n", count: 250)
    let file = try OutputFile(path: directory.path(name))
    try file.commit()
    #expect(directory.names == [name])
    #expect(throws: WeighbridgeError.self) {
      try OutputFile(path: directory.path(name + name)).commit()
    }
    #expect(directory.names == [name])
  }

  @Test func temporaryFilesCanBeRemovedAtOnce() throws {
    let directory = try TemporaryDirectory()
    let file = try OutputFile(path: directory.path("out"))
    let registry = TemporaryFiles()
    registry.insert(file.temporaryPath)
    registry.removeAll()
    #expect(directory.names.isEmpty)
  }
}
