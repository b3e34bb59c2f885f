import WeighbridgeTensors
import WeighbridgeWeights

/// A file format: how it is recognised, read and perhaps written, and what is said about it.
///
/// Each stands in the folder of its reader as `CheckpointFormat.NAME`, and in `CheckpointFormat.all`.
/// Opening, `convert --format`, help, messages and README's table know of no other list.
public struct CheckpointFormat: Sendable, Identifiable {
  /// What `--format` takes and `inspect` prints.
  public let id: String
  /// What a sentence calls it: `HDF5`.
  public let title: String
  /// The endings of file names, the usual one first, without a dot. They choose a format when writing;
  /// a file that is read is known by its content.
  public let extensions: [String]
  /// What is read, in a line of a table.
  public let summary: String
  /// Opens a file, if it is of this format.
  ///
  /// - Returns: `nil` for a file that is evidently of another.
  let open: @Sendable (FileContent) throws -> (any Checkpoint)?
  /// Makes a writer; `nil` for a format that is only read.
  let write: (@Sendable (_ path: String, CheckpointContent) throws -> any FileWriter)?
  /// What this is built without and would write such files, and how one gets it.
  let missing: String?
  /// Whether what is written can be compressed.
  public let compresses: Bool
  /// Whether a file holds a single tensor, and no name.
  package let holdsOneTensor: Bool

  init(
    _ id: String, title: String, extensions: [String], summary: String,
    holdsOneTensor: Bool = false, missing: String? = nil,
    open: @escaping @Sendable (FileContent) throws -> (any Checkpoint)?, compresses: Bool = false,
    write: (@Sendable (_ path: String, CheckpointContent) throws -> any FileWriter)? = nil
  ) {
    (self.id, self.title, self.extensions, self.summary) = (id, title, extensions, summary)
    (self.holdsOneTensor, self.open, self.write) = (holdsOneTensor, open, write)
    (self.compresses, self.missing) = (compresses, missing)
  }

  /// Whether files of many tensors can be written.
  public var isWritten: Bool { write != nil && !holdsOneTensor }

  /// - Throws: `unsupported` for a format that is written only where a library is at hand which this is
  ///   built without.
  package func checkIsBuilt(file: String? = nil) throws {
    guard let missing else { return }
    throw WeighbridgeError(
      .unsupported, "\(title) files are read here, not written: \(missing)", file: file,
      remedy: "Write \(CheckpointFormat.titles(CheckpointFormat.written))")
  }
}

extension CheckpointFormat {
  /// Every format, in the order in which a file is held against them: what is a special case of
  /// another stands before it.
  public static let all: [CheckpointFormat] = [
    .keras, .hdf5, .npy, .gguf, .safetensors, .pytorch, .npz, .onnx,
  ]

  /// Those in which a file of many tensors is written.
  public static let written: [CheckpointFormat] = all.filter(\.isWritten)

  /// The format that a path's extension asks for, when writing; one that is only read where none of that
  /// extension is written.
  public init?(pathExtension path: String) {
    let name = path.split(separator: "/").last ?? ""
    guard let ending = name.split(separator: ".").last?.lowercased() else { return nil }
    let formats = CheckpointFormat.all.filter { $0.extensions.contains(ending) }
    guard
      let format = formats.first(where: { $0.write != nil || $0.missing != nil }) ?? formats.first
    else { return nil }
    self = format
  }

  /// The format in which a file of many tensors is written at a path, by its extension.
  ///
  /// - Parameter option: What else may say it, `or give --format`.
  /// - Throws: `usage` where the extension is none, or of a format that is only read; `unsupported` where the
  ///   library for it is not built in.
  package init(writing path: String, or option: String = "") throws {
    let format = CheckpointFormat(pathExtension: path)
    try format?.checkIsBuilt(file: path)
    guard let format, format.isWritten else {
      throw WeighbridgeError(
        .usage,
        format.map { "\($0.title) is read and not written as a file of tensors" }
          ?? "the name does not tell a format",
        file: path, remedy: "End it in \(CheckpointFormat.writtenExtensions)\(option)")
    }
    self = format
  }

  /// The format of an id, as `--format` takes it; also by a file's extension.
  public init?(named name: String) {
    let name = name.lowercased()
    guard
      let format = CheckpointFormat.all.first(where: { $0.id == name })
        ?? CheckpointFormat.all.first(where: { $0.write != nil && $0.extensions.contains(name) })
    else { return nil }
    self = format
  }

  /// `PyTorch, Keras, … or GGUF`, for sentences.
  public static func titles(_ formats: [CheckpointFormat] = all) -> String {
    enumerated(formats.map(\.title))
  }

  /// `.pth, .safetensors or .npz`, of those that are written.
  public static var writtenExtensions: String {
    enumerated(written.compactMap { $0.extensions.first.map { "." + $0 } })
  }

  /// `a, b or c`.
  public static func enumerated(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }

  /// What to do with a file that is none.
  static var remedy: String { "Checkpoints are \(titles()) files" }
}

extension CheckpointFormat: Hashable {
  public static func == (a: CheckpointFormat, b: CheckpointFormat) -> Bool { a.id == b.id }
  public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension CheckpointFormat: CustomStringConvertible {
  public var description: String { id }
}

/// What a new file will hold.
struct CheckpointContent: Sendable {
  let tensors: [TensorDescription]
  /// Texts that travel along.
  var metadata: [String: String] = [:]
  /// Of HDF5 alone.
  var naming: HDF5Naming = .flat
  /// How much it is compressed, from 1 to 9; `nil` for not at all.
  var level: Int?
}
