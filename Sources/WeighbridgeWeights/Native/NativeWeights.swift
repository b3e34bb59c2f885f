import Synchronization
import WeighbridgeParallel
import WeighbridgeTensors

/// An open native weight file: a safetensors file with parameters under their Swift module paths, and
/// a manifest that says which model they are.
///
/// Opening checks the header, and the metadata by its checksum; tensors are used in place and their
/// bytes are not read until touched. `verify()` compares every tensor with its recorded checksum. Needs no system library.
public final class NativeWeights: Sendable {
  /// Which model the weights are of, and what they were made from.
  public let manifest: NativeManifest
  /// Whether the metadata has a checksum, which was right; files of earlier versions have none.
  public let hasMetadataSum: Bool
  private let file: SafetensorsFile
  /// The SHA-256 of each tensor's bytes, in hexadecimal.
  private let checksums: [ExactText: String]
  private let verified = Mutex<Set<ExactText>>([])

  /// The path that was opened.
  public var path: String { file.path }
  /// The tensors, in the order of their bytes.
  public var entries: [SafetensorsEntry] { file.entries }

  /// Opens a native weight file.
  ///
  /// - Throws: `unreadable`, `malformed` or `unsupported`.
  public static func open(_ path: String) throws -> NativeWeights {
    let file: SafetensorsFile
    do {
      file = try SafetensorsFile(path: path)
    } catch var error as WeighbridgeError where error.code == .malformed {
      error.remedy =
        "A native file is what `convert` writes; a checkpoint is loaded with Weights.load(_:)"
      throw error
    }
    return try NativeWeights(file)
  }

  package init(_ file: SafetensorsFile) throws {
    do {
      let header = try NativeManifest.read(
        file.metadata,
        of: file.entries.map { TensorDescription(name: $0.name, dtype: $0.dtype, shape: $0.shape) })
      (manifest, checksums) = (header.manifest, header.checksums)
      hasMetadataSum = header.hasMetadataSum
    } catch let error as WeighbridgeError {
      throw error.located(file: file.path)
    }
    self.file = file
    if let skipped = file.skipped.first {
      throw skipped.reason.error(file: file.path, entry: skipped.name)
    }
    for entry in file.entries where checksums[ExactText(entry.name)] == nil {
      throw WeighbridgeError(
        .malformed, "the file has no checksum for it", file: file.path, entry: entry.name)
    }
  }

  /// The tensor of a name, in place, unverified.
  ///
  /// - Throws: `mapping` when there is none.
  public func tensor(_ name: String) throws -> Tensor {
    try file.tensor(name)
  }

  /// Compares every tensor with its checksum, on all compute threads.
  ///
  /// - Throws: `malformed`, naming the first damaged tensor.
  public func verify() throws {
    if let first = damage().first { throw first.error }
  }

  /// Compares every tensor with its checksum, and gives those that are not what was written.
  package func damage() -> [(name: String, error: WeighbridgeError)] {
    let failures = Mutex<[Int: WeighbridgeError]>([:])
    Parallel.forEach(entries.count) { position in
      do {
        try verify(entries[position].name)
      } catch let error as WeighbridgeError {
        failures.withLock { $0[position] = error }
      } catch {}
    }
    return failures.withLock { $0 }.sorted { $0.key < $1.key }
      .map { (entries[$0.key].name, $0.value) }
  }

  /// Compares one tensor with its checksum; once is enough.
  package func verify(_ name: String) throws {
    let key = ExactText(name)
    guard let entry = file.entry(name), !verified.withLock({ $0.contains(key) }) else { return }
    let sum = try file.withBytes(of: entry, SHA256Sum.hexadecimal)
    guard sum == checksums[key] else {
      throw WeighbridgeError(
        .malformed, "the bytes are damaged: their SHA-256 is not the recorded one", file: path,
        entry: name, remedy: "Convert the source again")
    }
    verified.withLock { _ = $0.insert(key) }
  }

  /// Writes a native weight file at once. For more than memory holds, use `NativeWeightsWriter`.
  ///
  /// - Throws: `unwritable`, and `usage` for names that occur twice. Nothing is left behind then.
  public static func write(
    _ path: String, manifest: NativeManifest, tensors: [(name: String, tensor: Tensor)]
  ) throws {
    let plan = tensors.map {
      TensorDescription(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
    }
    let writer = try NativeWeightsWriter(path, manifest: manifest, tensors: plan)
    for (name, tensor) in tensors { try writer.add(name, tensor) }
    try writer.finish()
  }
}

/// Writes a native weight file tensor by tensor, in any order; memory is needed for one at a time.
/// Until `finish()` nothing appears under the file's name.
public final class NativeWeightsWriter {
  /// Where the file appears once it is finished.
  public var path: String { writer.path }
  private let manifest: NativeManifest
  private let writer: SafetensorsWriter
  private let tensors: [TensorDescription]
  private var checksums: [ExactText: String]
  /// What is compared when the file is read back.
  private var written: [ExactText: Fingerprint] = [:]

  /// Plans the file.
  ///
  /// - Throws: `unwritable` when it cannot be created, `usage` for names that occur twice.
  public init(
    _ path: String, manifest: NativeManifest, tensors: [TensorDescription]
  ) throws {
    (self.manifest, self.tensors) = (manifest, tensors)
    // Every checksum is as long as this, so the header's length is known before they are.
    checksums = Dictionary(
      tensors.map { (ExactText($0.name), SHA256Sum.placeholder) },
      uniquingKeysWith: { first, _ in first })
    writer = try SafetensorsWriter(
      path: path, tensors: tensors,
      metadata: manifest.metadata(checksums: checksums, of: tensors))
  }

  /// Writes a planned tensor.
  ///
  /// - Throws: `usage` when it differs from the plan, `unwritable` when it cannot be written.
  public func add(_ name: String, _ tensor: Tensor) throws {
    try writer.add(name, tensor) {
      checksums[ExactText(name)] = SHA256Sum.hexadecimal($0)
      written[ExactText(name)] = Fingerprint($0)
    }
  }

  /// Writes the header, reads the file back and gives it its name.
  ///
  /// - Throws: `usage` when planned tensors are missing, `unwritable` when it cannot be written or does
  ///   not read back.
  public func finish() throws {
    writer.metadata = manifest.metadata(checksums: checksums, of: tensors)
    writer.file.willCommit = { [written, path] temporary in
      do {
        let file = try SafetensorsFile(path: temporary)
        _ = try NativeWeights(file)
        for entry in file.entries
        where try file.withBytes(of: entry, Fingerprint.init) != written[ExactText(entry.name)] {
          throw WeighbridgeError(.malformed, "it holds other values", entry: entry.name)
        }
      } catch let error as WeighbridgeError {
        throw WeighbridgeError(
          .unwritable, "the file was written and does not read back: \(error.message)", file: path,
          entry: error.entry, remedy: "Check the disk, and write it again")
      }
    }
    try writer.finish()
  }

  /// Removes what was written.
  public func cancel() {
    writer.cancel()
  }
}
