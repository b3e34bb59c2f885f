import Foundation
import TestSupport
import Testing
import WeighbridgeTensors
import WeighbridgeWeights

@testable import WeighbridgeCheckpoints

/// Files are read back before they get their names, and compressed where that is asked for.
@Suite struct CheckedWriterTests {
  private static func tensor() throws -> Tensor {
    try Tensor((0..<4096).map { Float($0 % 7) }, shape: [64, 64])
  }

  /// The writer of a format, whose temporary file a test can damage.
  private func writer(_ format: CheckpointFormat, _ path: String) throws -> any FileWriter {
    let tensors = [TensorDescription(name: "w", dtype: .float32, shape: [64, 64])]
    let write = try #require(format.write)
    return try write(path, CheckpointContent(tensors: tensors))
  }

  /// A byte that the disk changes behind the writer's back.
  @Test(arguments: [CheckpointFormat.npz, .npy, .safetensors, .pytorch])
  func whatDoesNotReadBackGetsNoName(_ format: CheckpointFormat) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.text("out", "before")
    let inner = try writer(format, path)
    let checked = CheckedWriter(inner, format)
    try checked.add("w", Self.tensor())
    let file = try #require(FileHandle(forUpdatingAtPath: inner.output.temporaryPath))
    let content = try #require(try file.readToEnd())
    // 1, the second element.
    let place = try #require(content.range(of: Data([0, 0, 0x80, 0x3f]))?.lowerBound)
    try file.seek(toOffset: UInt64(place))
    try file.write(contentsOf: Data([1]))
    try file.close()
    let error = #expect(throws: WeighbridgeError.self) { try checked.finish() }
    #expect(error?.code == .unwritable && error?.file == path)
    #expect(error?.message.hasPrefix("the file was written and does not read back: ") == true)
    #expect(directory.names == ["out"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "before")
  }

  @Test(arguments: [CheckpointFormat.npz, .hdf5].filter(\.isWritten), [1, 6, 9])
  func compressedFilesHoldTheSame(_ format: CheckpointFormat, _ level: Int) throws {
    let directory = try TemporaryDirectory()
    var state: UInt64 = 1
    let noise = (0..<1000).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64(bitPattern: state)
    }
    let tensors: [(name: String, tensor: Tensor)] = [
      ("w", try Self.tensor()), ("noise", try Tensor(noise, shape: [10, 100])),
      ("scalar", try Tensor([Float(2)], shape: [])),
      ("empty", try Tensor([Float](), shape: [0, 3])),
      ("wide", try Tensor([Float](repeating: 1, count: 600_000), shape: [2, 300_000])),
      ("flags", try Tensor([UInt8](repeating: 1, count: 300), shape: [300])),
    ]
    let path = directory.path("out")
    let writer = try Checkpoints.writer(
      path, format: format,
      tensors: tensors.map {
        TensorDescription(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
      }, gzip: level)
    for (name, tensor) in tensors { try writer.add(name, tensor) }
    try writer.finish()
    let checkpoint = try Checkpoints.open(path)
    for (name, tensor) in tensors {
      let found = try checkpoint.tensor(name)
      #expect(found.shape == tensor.shape && found.dtype == tensor.dtype, "\(name)")
      #expect(
        try found.elements(as: Double.self) == tensor.elements(as: Double.self), "\(name)")
    }
    guard case .encoded(_, let stored)? = checkpoint.entry("w")?.storage else {
      Issue.record("w is not compressed")
      return
    }
    #expect(stored < 64 * 64)
  }

  @Test func levelsAndFormatsThatThereAreNotAreSaid() throws {
    let path = try TemporaryDirectory().path("out")
    for (format, level) in [
      (.npz, 0), (.npz, 10), (.hdf5, -1), (.safetensors, 3), (.pytorch, 3), (.npy, 3),
    ] as [(CheckpointFormat, Int)] {
      let error = #expect(throws: WeighbridgeError.self) {
        try Checkpoints.writer(path, format: format, tensors: [], gzip: level)
      }
      #expect(error?.code == (format.isWritten || format == .npy ? .usage : .unsupported))
    }
  }
}
