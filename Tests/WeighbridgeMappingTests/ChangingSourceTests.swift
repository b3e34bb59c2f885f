import Foundation
import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeTensors
import WeighbridgeWeights

/// A file that another program writes into while it is converted.
@Suite struct ChangingSourceTests {
  static let formats: [CheckpointFormat] = [.safetensors, .npz, .hdf5]

  /// Converts, and has `change` done to the source after the first tensor.
  private func convert(
    _ format: CheckpointFormat, in folder: TemporaryDirectory, _ change: (String) throws -> Void
  ) throws -> WeighbridgeError? {
    let (source, target) = (folder.path("in"), folder.path("out.npz"))
    try Checkpoints.write(
      source, format: format,
      tensors: ["a", "b"].map {
        ($0, try Tensor([Float](repeating: 1, count: 5000), shape: [5000]))
      })
    let export = try Export(Checkpoints.open(source))
    do {
      try export.write(to: target, as: .checkpoint(.npz, .flat)) { done, _ in
        if done == 1 { try? change(source) }
      }
      return nil
    } catch let error as WeighbridgeError {
      return error
    }
  }

  /// A part of a file is the file.
  @Test(arguments: formats) func aChangeOfAPartIsFound(_ format: CheckpointFormat) throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("in")
    let tensor = try Tensor([Float](repeating: 1, count: 50), shape: [50])
    try Checkpoints.write(path, format: format, tensors: [("ema.a", tensor), ("b", tensor)])
    let part = try CheckpointPart(Checkpoints.open(path), root: "ema")
    try part.checkUnchanged()
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.seekToEnd()
    try file.write(contentsOf: Data([1]))
    try file.close()
    #expect(throws: WeighbridgeError.self) { try part.checkUnchanged() }
  }

  @Test(arguments: formats) func aChangeInPlaceIsFound(_ format: CheckpointFormat) throws {
    let folder = try TemporaryDirectory()
    let error = try convert(format, in: folder) { path in
      let file = try FileHandle(forWritingTo: URL(filePath: path))
      try file.seek(toOffset: 30_000)
      try file.write(contentsOf: Data([1, 2, 3, 4]))
      try file.close()
    }
    #expect(error?.message == "the file was changed by another program while it was read")
    #expect(error?.code.exitStatus == 3)
    #expect(folder.names == ["in"])
  }

  /// Longer is changed, too; the bytes that were there are, but nobody knows what is being written.
  @Test func growthIsFound() throws {
    let folder = try TemporaryDirectory()
    let error = try convert(.safetensors, in: folder) { path in
      let file = try FileHandle(forWritingTo: URL(filePath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data([1]))
      try file.close()
    }
    #expect(error?.message == "the file was changed by another program while it was read")
  }

  /// A file that is replaced by renaming is still there for who has opened it.
  @Test(arguments: formats) func replacementIsHarmless(_ format: CheckpointFormat) throws {
    let folder = try TemporaryDirectory()
    let error = try convert(format, in: folder) { path in
      try Checkpoints.write(
        path, format: .npz, tensors: [("z", try Tensor([Float(9)], shape: [1]))])
    }
    #expect(error == nil)
    let result = try Checkpoints.open(folder.path("out.npz"))
    #expect(try result.tensor("b").elements(as: Float.self).allSatisfy { $0 == 1 })
  }
}
