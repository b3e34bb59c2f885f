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

  @Test func linksThatLeadNowhereStay() throws {
    let directory = try TemporaryDirectory()
    for (link, target) in [("a", "b"), ("b", directory.path("real")), ("self", "self")] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.path(link), withDestinationPath: target)
    }
    let file = try OutputFile(path: directory.path("a"))
    try file.append(Array("new".utf8))
    try file.commit()
    #expect(directory.names == ["a", "b", "real", "self"])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: directory.path("a")) == "b")
    #expect(try Data(contentsOf: URL(filePath: directory.path("real"))) == Data("new".utf8))
    let error = #expect(throws: WeighbridgeError.self) {
      try OutputFile(path: directory.path("self"))
    }
    #expect(error?.code == .unwritable)
  }

  /// What is replaced together with others is what a link leads to.
  @Test func oldFilesAreRemovedThroughLinks() throws {
    let directory = try TemporaryDirectory()
    try Data("old".utf8).write(to: URL(filePath: directory.path("real")))
    try FileManager.default.createSymbolicLink(
      atPath: directory.path("link"), withDestinationPath: "real")
    try OutputFile.together(replacing: directory.path("link")) {
      let file = try OutputFile(path: directory.path("link"))
      try file.append(Array("new".utf8))
      try file.commit()
    }
    #expect(try directory.data("link") == Data("new".utf8))
    #expect(directory.names == ["link", "real"])
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

  /// Elements of a mapped file are written while the caller goes on: in their place whatever follows,
  /// packed where the tensor is a view, and flushed in advance where there are many.
  @Test func mappedTensorsAreWrittenInPlace() throws {
    let directory = try TemporaryDirectory()
    let rows = 5_003
    let values = (0..<rows * 2_003).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
    let bytes = values.withUnsafeBytes { Data($0) }
    try bytes.write(to: URL(filePath: directory.path("source")))
    let map = try MappedFile(path: directory.path("source"))
    let tensor = try Tensor(
      dtype: .uint32, shape: [rows, 2_003],
      storage: map.storage(offset: 0, count: map.byteCount))
    #expect(tensor.isBorrowed)
    let file = try OutputFile(path: directory.path("out"))
    try file.append([1, 2, 3, 4, 5])
    try file.append(tensor)
    try file.append([6, 7])
    try file.append(tensor.transposed(0, 1))
    try file.append([8])
    try file.commit()
    let columns = (0..<2_003).flatMap { column in
      (0..<rows).map { values[$0 * 2_003 + column] }
    }
    var expected = Data([1, 2, 3, 4, 5])
    expected += bytes + Data([6, 7]) + columns.withUnsafeBytes { Data($0) } + Data([8])
    #expect(try directory.data("out") == expected)
  }

  /// What fails while the caller goes on is an error of one of the next calls, and nothing is left behind.
  @Test(arguments: [false, true]) func aFailureMeanwhileIsAnError(_ isFollowed: Bool) throws {
    let directory = try TemporaryDirectory()
    try Data(count: 2 << 20).write(to: URL(filePath: directory.path("source")))
    let map = try MappedFile(path: directory.path("source"))
    let tensor = try Tensor(
      dtype: .uint8, shape: [2 << 20], storage: map.storage(offset: 0, count: 2 << 20))
    do {
      let file = try OutputFile(path: directory.path("out"))
      try file.write(tensor, at: Int.max - (4 << 20))
      let error = #expect(throws: WeighbridgeError.self) {
        if isFollowed { try file.write(tensor, at: 0) } else { try file.commit() }
      }
      #expect(error?.code == .unwritable)
    }
    #expect(directory.names == ["source"])
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
