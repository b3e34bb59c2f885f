import Foundation
import TestSupport
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

  /// What a killed process left is removed by the next one that writes there; what is being written, and
  /// what only looks like it, stays.
  @Test func deadTemporaryFilesAreRemoved() throws {
    let directory = try TemporaryDirectory()
    try Data("dead".utf8).write(to: URL(filePath: directory.path(".weighbridge-dead.tmp")))
    try Data("other".utf8).write(to: URL(filePath: directory.path(".other.tmp")))
    try FileManager.default.createSymbolicLink(
      atPath: directory.path(".weighbridge-link.tmp"), withDestinationPath: ".other.tmp")
    let alive = try OutputFile(path: directory.path("alive"))
    try alive.append([1])
    let next = try OutputFile(path: directory.path("next"))
    #expect(!directory.names.contains(".weighbridge-dead.tmp"))
    try next.commit()
    try alive.commit()
    #expect(directory.names == [".other.tmp", ".weighbridge-link.tmp", "alive", "next"])
  }

  @Test(arguments: [0o600, 0o640, 0o444 | 0o200, 0o777]) func replacedFilesKeepTheirMode(
    _ mode: Int
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out")
    try Data("old".utf8).write(to: URL(filePath: path))
    #expect(chmod(path, mode_t(mode)) == 0)
    let file = try OutputFile(path: path)
    var status = stat()
    // Never wider than the old one, not even while it is written.
    #expect(stat(file.temporaryPath, &status) == 0 && status.st_mode & 0o777 == mode_t(mode))
    try file.commit()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == mode_t(mode))
  }
}
