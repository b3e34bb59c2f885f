import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeWeights

/// A model's inputs from a file: `inputs/0` …, or all arrays in order.
public struct InputFile: Sendable {
  /// Floating-point inputs as float32, others as they are.
  public let tensors: [Tensor]
  /// Whether the file has entries `inputs/0` …; otherwise its arrays were taken in order.
  public let isNumbered: Bool
  /// What the file says about the model.
  public let metadata: RecordedMetadata
  private let checkpoint: any Checkpoint

  /// Checks that nobody has written into the file since it was opened.
  ///
  /// - Throws: `unreadable` when somebody has.
  public func checkUnchanged() throws { try checkpoint.checkUnchanged() }

  /// - Throws: when the file cannot be read or holds no arrays.
  public init(_ path: String) throws {
    let checkpoint = try Checkpoints.open(path)
    self.checkpoint = checkpoint
    metadata = try RecordedMetadata(of: checkpoint)
    let numbered = checkpoint.entries.filter { $0.rawPath.hasPrefix("inputs/") }
    isNumbered = !numbered.isEmpty
    if numbered.isEmpty {
      let names = checkpoint.entries.map(\.rawPath).filter { $0 != "metadata" }
      guard !names.isEmpty else {
        throw WeighbridgeError(
          .malformed, "there are no arrays in it", file: path,
          remedy: "Save the inputs as inputs/0, inputs/1 …")
      }
      tensors = try checkpoint.tensors(names).map(InputFile.prepared)
    } else {
      let count = numbered.count
      tensors = try checkpoint.tensors((0..<count).map { "inputs/\($0)" }).map(InputFile.prepared)
    }
  }

  private static func prepared(_ tensor: Tensor) throws -> Tensor {
    tensor.dtype.isFloatingPoint ? try tensor.converted(to: .float32) : tensor
  }
}

/// The texts of reference files that Weighbridge itself writes.
package enum ReferenceText {
  /// The `metadata` entry.
  package static func metadata(_ model: String, _ configuration: Configuration) -> String {
    JSONDocument.members([
      "framework": "weighbridge", "model": .string(model), "config": configuration.json,
    ]).text()
  }
}
