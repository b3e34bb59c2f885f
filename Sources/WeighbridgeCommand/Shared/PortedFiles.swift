import Foundation
import Weighbridge
import WeighbridgePort
import WeighbridgeWeights

/// A ported package on its way to a folder.
struct PortedFiles {
  private let ported: PortedPackage
  private let folder: URL

  init(_ ported: PortedPackage, _ folder: URL) { (self.ported, self.folder) = (ported, folder) }

  /// Whether there is something in the folder.
  var isThere: Bool {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.isEmpty == false)
  }

  /// What differs from the files in the folder, as lines: `-` goes, `+` comes.
  func changes() throws -> [String] {
    var lines: [String] = []
    for file in ported.files {
      let path = folder.appending(path: file.path)
      guard let old = try? String(contentsOf: path, encoding: .utf8) else {
        if isThere { lines.append("+ \(file.path), a new file") }
        continue
      }
      guard old != file.text else { continue }
      lines.append("--- \(file.path)")
      lines += PortedFiles.difference(old, file.text)
    }
    return lines
  }

  private static func difference(_ old: String, _ new: String) -> [String] {
    let (before, after) = (old.lines, new.lines)
    var changes: [(place: Int, text: String)] = []
    for change in after.difference(from: before) {
      switch change {
      case .remove(let offset, let line, _):
        changes.append((offset, "-\(offset + 1): \(line.escapingControlCharacters())"))
      case .insert(let offset, let line, _):
        changes.append((offset, "+\(offset + 1): \(line.escapingControlCharacters())"))
      }
    }
    return changes.sorted { $0.place < $1.place }.map(\.text)
  }

  /// Looks whether everything can be written where it belongs.
  ///
  /// - Throws: `unwritable`.
  func check() throws {
    for path in paths {
      let place = folder.appending(path: path).path
      try OutputFolder.check(OutputFolder.parent(of: place) ?? place)
    }
  }

  /// What is written outside the folder, because it or a folder around it is a link, and where that leads.
  func links() -> [(path: String, place: String)] {
    guard let root = OutputFolder.real(folder.path) else { return [] }
    var found: [(path: String, place: String)] = []
    for path in paths {
      let steps = path.split(separator: "/")
      let parts = steps.indices.map { steps[...$0].joined(separator: "/") }
      let outside = parts.lazy.compactMap { part -> (path: String, place: String)? in
        guard let place = OutputFolder.real(folder.appending(path: part).path),
          !place.hasPrefix(root + "/")
        else { return nil }
        return (part, place)
      }
      guard let first = outside.first, !found.contains(where: { $0.path == first.path }) else {
        continue
      }
      found.append(first)
    }
    return found
  }

  private var paths: [String] {
    ported.files.map(\.path) + [ported.weightsPath, ported.referencePath]
  }

  /// Writes the texts, the weights and a copy of the reference; links are followed, as by whatever opens a
  /// file to write it.
  ///
  /// - Throws: `unwritable`, and what reading the weights throws.
  func write(_ plan: ImportPlan, reference: String) throws {
    for file in ported.files {
      let path = folder.appending(path: file.path)
      if (try? String(contentsOf: path, encoding: .utf8)) == file.text { continue }
      try makeFolder(of: path)
      try TextFile.write(file.text, to: path.path)
    }
    let weights = folder.appending(path: ported.weightsPath)
    let id = ported.id
    let architecture = AnyArchitecture(id: id, summary: id) { scope in
      try PortedWeights(scope, self.ported.weights(plan))
    }
    Console.progress.show("writing the weights")
    let own = try Loader(ArchitectureRegistry([architecture])).plan(
      ported.weights(plan), model: id)
    try Export(own).write(to: weights.path, as: .native)
    let copy = folder.appending(path: ported.referencePath)
    guard copy.standardizedFileURL != URL(filePath: reference).standardizedFileURL else { return }
    try makeFolder(of: copy)
    let source = try MappedFile(path: reference)
    let file = try OutputFile(path: copy.path)
    try source.withBytes { try file.append($0) }
    try file.commit()
  }

  private func makeFolder(of path: URL) throws {
    try OutputFolder.make(path.deletingLastPathComponent().path)
  }

  /// Swift files beside those of the port: of the user's own, or of an earlier port, and then what they
  /// declare is declared twice.
  func others() -> [String] {
    let written = Set(ported.files.map(\.path))
    let folders = Set(
      written.filter { $0.hasSuffix(".swift") }.map { ($0 as NSString).deletingLastPathComponent })
    return folders.sorted().filter { !$0.isEmpty }.flatMap { place -> [String] in
      let names = try? FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: place).path)
      return (names ?? []).sorted().map { "\(place)/\($0)" }
        .filter { $0.hasSuffix(".swift") && !written.contains($0) }
    }
  }
}

extension String {
  fileprivate var lines: [String] {
    split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}

/// The tensors of a ported network under their names, without its structs.
private struct PortedWeights: Module {
  let path: ModulePath

  init(_ w: WeightScope, _ checkpoint: any Checkpoint) throws {
    path = w.path
    for entry in checkpoint.entries {
      let role: ParameterRole = entry.dtype.isFloatingPoint ? .table : .integers
      _ = try w.parameter(entry.name, role, entry.shape)
    }
  }

  func forward(_ x: Tensor) throws -> Tensor { x }
}
