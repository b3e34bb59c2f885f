import Foundation
import Weighbridge

/// A directory of a test's own, and the fixtures.
struct Workspace {
  let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("weighbridge-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: directory) }

  /// The path of a file in this directory.
  func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  /// Writes text, and gives the path.
  func text(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }

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
  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() }
  }

  static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func fixture(_ name: String) -> String {
    repository.appendingPathComponent("fixtures/\(name)").path
  }
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
