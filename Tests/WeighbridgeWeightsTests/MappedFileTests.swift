import Foundation
import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeWeights

@Suite struct MappedFileTests {
  @Test func missingFile() {
    let error = #expect(throws: WeighbridgeError.self) { try MappedFile(path: "/nonexistent/file") }
    #expect(error?.code == .unreadable)
    #expect(error?.message.contains("No such file") == true)
  }

  @Test(arguments: ["/", "/dev/null"]) func notARegularFile(_ path: String) {
    let error = #expect(throws: WeighbridgeError.self) { try MappedFile(path: path) }
    #expect(error?.code == .unreadable)
    #expect(error?.file == path)
  }

  @Test func emptyFile() throws {
    let directory = try TemporaryDirectory()
    try Data().write(to: URL(filePath: directory.path("empty")))
    let error = #expect(throws: WeighbridgeError.self) {
      try MappedFile(path: directory.path("empty"))
    }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("empty") == true)
  }

  @Test func noPermission() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("secret")
    try Data([1]).write(to: URL(filePath: path))
    chmod(path, 0)
    guard getuid() != 0 else { return }  // the superuser may read everything
    let error = #expect(throws: WeighbridgeError.self) { try MappedFile(path: path) }
    #expect(error?.code == .unreadable)
  }

  /// A pipe is refused at once, without waiting for a writer.
  @Test func pipe() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("pipe")
    try #require(mkfifo(path, 0o600) == 0)
    let error = #expect(throws: WeighbridgeError.self) { try MappedFile(path: path) }
    #expect(error?.message.contains("regular file") == true)
  }

  @Test func storageStaysWithinTheFileAndOutlivesTheMap() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("bytes")
    try Data([1, 2, 3, 4, 5, 6, 7, 8]).write(to: URL(filePath: path))
    var storage: TensorStorage?
    do {
      let map = try MappedFile(path: path)
      storage = try map.storage(offset: 4, count: 4)
      for (offset, count) in [(8, 1), (-1, 2), (0, 9), (4, -1), (Int.max, 1), (1, Int.max)] {
        #expect(throws: WeighbridgeError.self) { try map.storage(offset: offset, count: count) }
      }
      _ = try map.storage(offset: 8, count: 0)
    }
    let tensor = try Tensor(dtype: .uint8, shape: [4], storage: #require(storage))
    #expect(try tensor.elements(as: UInt8.self) == [5, 6, 7, 8])
  }

  /// Elements on odd bytes, as in zip files, read right through every path.
  @Test func misalignedElements() throws {
    let values = (0..<24).map { Float($0) * 0.5 }
    var bytes = Data([0])
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    let directory = try TemporaryDirectory()
    try bytes.write(to: URL(filePath: directory.path("odd")))
    let map = try MappedFile(path: directory.path("odd"))
    let tensor = try Tensor(
      dtype: .float32, shape: [2, 3, 4], storage: map.storage(offset: 1, count: 96))
    #expect(!tensor.isAligned)
    #expect(try tensor.elements(as: Float.self) == values)
    #expect(try tensor.elements(as: Double.self) == values.map(Double.init))
    let turned = try tensor.permuted([2, 0, 1])
    let expected = (0..<4).flatMap { c in (0..<6).map { values[$0 * 4 + c] } }
    #expect(try turned.elements(as: Float.self) == expected)
    #expect(try turned.contiguous().isAligned)
    let part = try tensor.narrowed(1, start: 1, length: 2)
    try part.withUnsafeElements { (pointer: UnsafePointer<Float>) in
      #expect(UInt(bitPattern: pointer) % 4 == 0)
      #expect(pointer[0] == values[4])
      #expect(pointer[part.strides[0]] == values[16])
    }
    #expect(try tensor.aligned().strides == tensor.strides)
  }
}
