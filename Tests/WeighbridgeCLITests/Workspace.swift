import Foundation
import TestSupport
import Weighbridge

/// A directory of a test's own, and the fixtures.
struct Workspace {
  private let temporary: TemporaryDirectory

  var directory: URL { temporary.url }

  init() throws { temporary = try TemporaryDirectory() }

  /// The path of a file in this directory.
  func path(_ name: String) -> String { temporary.path(name) }

  /// Writes text, and gives the path.
  func text(_ name: String, _ text: String) throws -> String { try temporary.text(name, text) }

  /// Writes a checkpoint by the name's extension, and gives the path.
  func checkpoint(
    _ name: String, _ tensors: KeyValuePairs<String, Tensor>, metadata: [String: String] = [:]
  ) throws -> String {
    let format = CheckpointFormat(pathExtension: name) ?? .npz
    try Checkpoints.write(
      path(name), format: format, tensors: tensors.map { ($0.key, $0.value) }, metadata: metadata)
    return path(name)
  }

  /// The names in this directory.
  var contents: [String] { temporary.names }
}

/// A squeeze-and-excitation gate over 16 channels: the smallest architecture with weights.
func gateTensors() throws -> KeyValuePairs<String, Tensor> {
  let squeeze = try Tensor((0..<32).map { Float($0) / 8 }, shape: [2, 16])
  let excite = try Tensor((0..<32).map { Float($0) / -16 }, shape: [16, 2])
  return ["fc.0.weight": squeeze, "fc.2.weight": excite]
}

/// Members of printed JSON.
func json(_ run: CommandRun) throws -> [String: Any] {
  try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any] ?? [:]
}
