import WeighbridgeTensors

/// What a native weight file says about itself, kept in the file's `__metadata__`.
public struct NativeManifest: Sendable, Hashable {
  /// The file that the weights were converted from.
  public struct Source: Sendable, Hashable {
    /// Its name, without directories.
    public var name: String
    /// The SHA-256 of its bytes, in hexadecimal.
    public var sha256: String

    /// - Parameters:
    ///   - name: Without directories.
    ///   - sha256: Of the file's bytes, in hexadecimal.
    public init(name: String, sha256: String) {
      self.name = name
      self.sha256 = sha256
    }
  }

  /// The version of the convention that the keys below form. From version 2 on the metadata has a
  /// checksum of its own; a file of version 1 may have none.
  package static let currentVersion = 2
  /// PyTorch's order of axes: linear weights are [out, in], convolutions [out, in/groups, kh, kw].
  package static let pytorchLayout = "pytorch"

  /// The architecture's id, as in `weighbridge models`.
  public var architecture: String
  /// The architecture's full configuration, as a JSON object.
  public var configuration: String
  /// The order of the parameters' axes.
  public var layout: String
  /// The file that the weights were converted from; `nil` where it is not known.
  public var source: Source?
  /// Other texts that travel with the file. The prefix `weighbridge.` is reserved.
  public var notes: [String: String]

  /// - Parameter layout: The order of the parameters' axes, PyTorch's where none is given.
  public init(
    architecture: String, configuration: String, layout: String? = nil, source: Source? = nil,
    notes: [String: String] = [:]
  ) {
    self.architecture = architecture
    self.configuration = configuration
    self.layout = layout ?? NativeManifest.pytorchLayout
    self.source = source
    self.notes = notes
  }
}

extension NativeManifest {
  private enum Key {
    static let prefix = "weighbridge."
    static let version = "weighbridge.format_version"
    static let architecture = "weighbridge.architecture"
    static let configuration = "weighbridge.configuration"
    static let layout = "weighbridge.layout"
    static let sourceName = "weighbridge.source.name"
    static let sourceSHA256 = "weighbridge.source.sha256"
    static let checksums = "weighbridge.checksums.sha256"
    static let metadataSum = "weighbridge.metadata.sha256"
  }

  /// The `__metadata__` of a file with these tensors and their checksums.
  func metadata(
    checksums: [ExactText: String], of tensors: [TensorDescription]
  ) -> [String: String] {
    var metadata = notes.filter { !$0.key.hasPrefix(Key.prefix) }
    // Other libraries read this key to learn whose conventions the tensors follow.
    metadata["format"] = metadata["format"] ?? "pt"
    metadata[Key.version] = String(NativeManifest.currentVersion)
    metadata[Key.architecture] = architecture
    metadata[Key.configuration] = configuration
    metadata[Key.layout] = layout
    metadata[Key.sourceName] = source?.name
    metadata[Key.sourceSHA256] = source?.sha256
    metadata[Key.checksums] = JSONText.object(
      checksums.map { (key: $0.key.text, value: $0.value) })
    metadata[Key.metadataSum] = NativeManifest.sum(of: metadata, tensors)
    return metadata
  }

  /// Whether a safetensors file is a native weight file: any key of one tells, so that damage to one
  /// makes no plain file of it.
  static func isPresent(in metadata: [String: String]) -> Bool {
    metadata.keys.contains(where: isReserved)
  }

  /// Whether only native weight files have a metadata key.
  static func isReserved(_ key: String) -> Bool { key.utf8.starts(with: Key.prefix.utf8) }

  /// The SHA-256 over all metadata but this sum itself, and over every tensor's name, dtype and shape:
  /// what no tensor's own checksum covers.
  static func sum(of metadata: [String: String], _ tensors: [TensorDescription]) -> String {
    var bytes: [UInt8] = []
    func add(_ text: String) {
      // The length before each text: where one ends and the next begins cannot be mistaken.
      bytes += "\(text.utf8.count):".utf8
      bytes += text.utf8
    }
    for (key, value) in metadata.sorted(by: { ExactText($0.key) < ExactText($1.key) })
    where key != Key.metadataSum {
      add(key)
      add(value)
    }
    for tensor in tensors.sorted(by: { ExactText($0.name) < ExactText($1.name) }) {
      add(tensor.name)
      add("\(tensor.dtype.safetensorsCode) \(tensor.shape)")
    }
    return bytes.withUnsafeBytes { SHA256Sum.hexadecimal($0) }
  }

  /// What the header of a native weight file says.
  struct Header {
    var manifest: NativeManifest
    /// The SHA-256 of each tensor's bytes.
    var checksums: [ExactText: String]
    /// Whether the metadata has a checksum; files of earlier versions have none.
    var hasMetadataSum: Bool
  }

  /// The manifest and the checksums of a file.
  ///
  /// - Throws: `malformed` when keys are missing or the metadata is not what its checksum says,
  ///   `unsupported` for a later version.
  static func read(
    _ metadata: [String: String], of tensors: [TensorDescription]
  ) throws -> Header {
    guard isPresent(in: metadata) else {
      throw WeighbridgeError(
        .malformed, "is a safetensors file, but not a native weight file",
        remedy:
          "Make one with \(Setting.command("convert")), or with `Export` for a network of your "
          + "own")
    }
    guard let version = metadata[Key.version] else { throw incomplete }
    guard (1...currentVersion).map(String.init).contains(version) else {
      throw WeighbridgeError(
        .unsupported, "is a native weight file of version \(version.prefix(16))",
        remedy: "Versions up to \(currentVersion) are read: update Weighbridge")
    }
    guard let architecture = metadata[Key.architecture],
      let configuration = metadata[Key.configuration], let layout = metadata[Key.layout],
      let checksums = metadata[Key.checksums].flatMap(JSONText.texts)
    else { throw incomplete }
    if let sum = metadata[Key.metadataSum] {
      guard sum == NativeManifest.sum(of: metadata, tensors) else {
        throw WeighbridgeError(
          .malformed,
          "the metadata or the list of tensors was changed after it was written: its SHA-256 is not "
            + "the recorded one", remedy: "Convert the source again")
      }
    } else if version != "1" {
      throw WeighbridgeError(
        .malformed,
        "the metadata's checksum is gone, with which every native file of version \(version) is written",
        remedy: "Convert the source again")
    } else if let unknown = metadata.keys.first(where: { isReserved($0) && !known.contains($0) }) {
      throw WeighbridgeError(
        .malformed,
        "the native weight file's metadata has no checksum, and an unknown key '\(unknown.shortened())'",
        remedy: "Convert the source again")
    }
    guard layout == pytorchLayout else {
      throw WeighbridgeError(
        .unsupported, "the weights' layout '\(layout.prefix(32))' is not known")
    }
    var source: Source?
    if let name = metadata[Key.sourceName], let sum = metadata[Key.sourceSHA256] {
      source = Source(name: name, sha256: sum)
    }
    let notes = metadata.filter { !$0.key.hasPrefix(Key.prefix) }
    return Header(
      manifest: NativeManifest(
        architecture: architecture, configuration: configuration, layout: layout, source: source,
        notes: notes),
      checksums: checksums, hasMetadataSum: metadata[Key.metadataSum] != nil)
  }

  /// The reserved keys of a file without a checksum of its metadata.
  private static let known: Set<String> = [
    Key.version, Key.architecture, Key.configuration, Key.layout, Key.sourceName, Key.sourceSHA256,
    Key.checksums,
  ]

  private static var incomplete: WeighbridgeError {
    WeighbridgeError(
      .malformed, "the native weight file's metadata is incomplete",
      remedy: "Convert the source again")
  }
}
