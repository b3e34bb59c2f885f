import WeighbridgeTensors

/// What a native weight file says about itself, kept in the file's `__metadata__`.
public struct NativeManifest: Sendable, Hashable {
  /// The file that the weights were converted from.
  public struct Source: Sendable, Hashable {
    /// Its name, without directories.
    public var name: String
    /// The SHA-256 of its bytes, in hexadecimal.
    public var sha256: String

    public init(name: String, sha256: String) {
      self.name = name
      self.sha256 = sha256
    }
  }

  /// The version of the convention that the keys below form.
  public static let currentVersion = 1
  /// PyTorch's order of axes: linear weights are [out, in], convolutions [out, in/groups, kh, kw].
  public static let pytorchLayout = "pytorch"

  /// The architecture's id, as in `weighbridge models`.
  public var architecture: String
  /// The architecture's full configuration, as a JSON object.
  public var configuration: String
  /// The order of the parameters' axes.
  public var layout: String
  public var source: Source?
  /// Other texts that travel with the file. The prefix `weighbridge.` is reserved.
  public var notes: [String: String]

  public init(
    architecture: String, configuration: String, layout: String = NativeManifest.pytorchLayout,
    source: Source? = nil, notes: [String: String] = [:]
  ) {
    self.architecture = architecture
    self.configuration = configuration
    self.layout = layout
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
  }

  /// The `__metadata__` of a file with these checksums.
  func metadata(checksums: [String: String]) -> [String: String] {
    var metadata = notes.filter { !$0.key.hasPrefix(Key.prefix) }
    // Other libraries read this key to learn whose conventions the tensors follow.
    metadata["format"] = metadata["format"] ?? "pt"
    metadata[Key.version] = String(NativeManifest.currentVersion)
    metadata[Key.architecture] = architecture
    metadata[Key.configuration] = configuration
    metadata[Key.layout] = layout
    metadata[Key.sourceName] = source?.name
    metadata[Key.sourceSHA256] = source?.sha256
    metadata[Key.checksums] = JSONText.object(checksums)
    return metadata
  }

  /// Whether a safetensors file is a native weight file.
  static func isPresent(in metadata: [String: String]) -> Bool { metadata[Key.version] != nil }

  /// The manifest and the checksums of a file.
  ///
  /// - Throws: `malformed` when keys are missing, `unsupported` for a later version.
  static func read(_ metadata: [String: String]) throws -> (NativeManifest, [String: String]) {
    guard let version = metadata[Key.version] else {
      throw WeighbridgeError(
        .malformed, "is a safetensors file, but not a native weight file",
        remedy: "Make one with `weighbridge convert`, or with `Export` for a network of your own")
    }
    guard version == String(currentVersion) else {
      throw WeighbridgeError(
        .unsupported, "is a native weight file of version \(version.prefix(16))",
        remedy: "Version \(currentVersion) is read: update Weighbridge")
    }
    guard let architecture = metadata[Key.architecture],
      let configuration = metadata[Key.configuration], let layout = metadata[Key.layout],
      let checksums = metadata[Key.checksums].flatMap(JSONText.texts)
    else {
      throw WeighbridgeError(
        .malformed, "the native weight file's metadata is incomplete",
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
    return (
      NativeManifest(
        architecture: architecture, configuration: configuration, layout: layout, source: source,
        notes: notes), checksums
    )
  }
}
