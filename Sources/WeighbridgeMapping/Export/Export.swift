import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeTensors
import WeighbridgeWeights

/// What a conversion writes.
public enum ExportFormat: Sendable, Hashable {
  /// The native weight file: safetensors with the model's identity and a checksum per tensor.
  case native
  /// A checkpoint of another format; the naming counts in HDF5 files alone.
  case checkpoint(CheckpointFormat, HDF5Naming)
}

/// What a conversion did.
public struct ExportSummary: Sendable {
  /// What became of one tensor's values.
  public struct Warning: Sendable, Hashable {
    /// The tensor's name in the file that was written.
    public let name: String
    /// Values that were NaN or infinite before.
    public let nonFinite: Int
    /// Finite values that the narrower dtype cannot hold, and which became infinite.
    public let overflowed: Int
    /// Values other than zero that are too small for the narrower dtype, and which became zero.
    public let vanished: Int
  }

  /// How many tensors were written.
  public internal(set) var tensors = 0
  /// The size of their elements in bytes, without headers.
  public internal(set) var bytes = 0
  /// Tensors with values that are not finite, or that the narrower dtype made so, or zero.
  public internal(set) var warnings: [Warning] = []
  /// Counters that the file's layout has no place for.
  public internal(set) var leftOut: [String] = []
  /// Tensors that readers of the file find under another name, with that name: in HDF5 a `/` makes a
  /// group, and reads as a dot. Those of a reference are found under both.
  public internal(set) var renamed: [(name: String, read: String)] = []
}

/// Tensors on their way to a file, one in memory at a time.
public struct Export: Sendable {
  struct Item: Sendable {
    let name: String
    let dtype: DType
    let shape: Shape
    let read: @Sendable () throws -> Tensor
  }

  let items: [Item]
  let metadata: [String: String]
  let layout: ExportLayout
  /// The identity for a native file; `nil` when no model is known.
  let manifest: NativeManifest?
  /// Parameters that the layout has no place for.
  let leftOut: [String]
  /// Where the items are read from.
  let checkpoint: any Checkpoint

  /// The parameters of a plan, under the model's names.
  ///
  /// - Parameters:
  ///   - dtype: For floating-point parameters; `nil` to keep each one's own.
  ///   - layout: The order of axes. A native file has PyTorch's.
  /// - Throws: `mapping` when the names do not map one to one, and what reading the source for its
  ///   checksum throws.
  public init(_ plan: ImportPlan, dtype: DType? = nil, layout: ExportLayout = .pytorch) throws {
    try plan.requireOneToOne()
    let all = Export.items(plan.report, plan.ledger, plan.source, dtype)
    items = try layout.arranged(all, plan.ledger)
    let kept = Set(items.map(\.name))
    leftOut = all.map(\.name).filter { !kept.contains($0) }
    metadata = layout.metadata
    self.layout = layout
    checkpoint = plan.checkpoint
    guard layout == .pytorch else {
      manifest = nil
      return
    }
    manifest = try Export.manifest(
      plan.checkpoint, plan.rules, root: plan.report.root, id: plan.architecture.id,
      configuration: plan.configuration.json.text(), assumed: plan.configuration.assumed)
  }

  /// The parameters of your own module, under its names.
  ///
  /// ```swift
  /// try Export("net.npz", named: "net") { try Net($0) }.write(to: "net.safetensors", as: .native)
  /// ```
  ///
  /// - Parameters:
  ///   - path: The checkpoint, of any format.
  ///   - id: What a native file says that it is; for people, unless an `Architecture` has this id.
  ///   - rules: Applied to the file's names first.
  ///   - root: The part of the file that is meant, where it holds several copies: `ema`.
  ///   - dtype: For floating-point parameters; `nil` to keep each one's own.
  ///   - build: The module's initialiser.
  /// - Throws: `mapping` when the names do not map one to one, and what reading throws.
  public init<M: Module>(
    _ path: String, named id: String, rules: Rules = Rules(), root: String? = nil,
    dtype: DType? = nil, _ build: (WeightScope) throws -> M
  ) throws {
    let checkpoint = try Checkpoints.open(path)
    let fit = try Candidates(checkpoint, rules: rules, root: root).best { _, source in
      try WeightScope.describe(source: source, build)
    }
    if let error = fit.report.listingError(file: path) { throw error }
    let source = CheckpointSource(checkpoint, fit.stateDict)
    items = Export.items(fit.report, fit.ledger, source, dtype)
    metadata = [:]
    (layout, leftOut) = (.pytorch, [])
    self.checkpoint = checkpoint
    manifest = try Export.manifest(
      checkpoint, rules, root: fit.report.root, id: id, configuration: "{}")
  }

  private static func items(
    _ report: MappingReport, _ ledger: Ledger, _ source: CheckpointSource, _ dtype: DType?
  ) -> [Item] {
    let requests = Dictionary(ledger.requests.map { ($0.name, $0) }) { first, _ in first }
    return report.matched.map { match in
      let role = requests[match.parameter]?.role
      let isKept = role?.isComputedWith == false
      // A counter that its writer made one element is the scalar again.
      let shape = role == .counter ? [] : match.shape
      return Item(
        name: match.parameter,
        dtype: isKept ? match.dtype : dtype ?? match.dtype, shape: shape,
        read: { try source.tensor(match.parameter).reshaped(shape.dimensions) })
    }
  }

  /// The entries of a file as they are, after rules; no model is involved.
  ///
  /// - Parameter root: The part of the file that is written, under names without it; `nil` for all.
  public init(
    _ checkpoint: any Checkpoint, rules: Rules = Rules(), root: String? = nil, dtype: DType? = nil
  ) throws {
    var stateDict = try rules.apply(to: StateDict(entries: checkpoint.entries)).stateDict
    if let root {
      stateDict = try WeighbridgeError.naming(file: checkpoint.path) {
        try StateDictView(stateDict).chosen(root).stateDict
      }
    }
    if let collision = stateDict.collisions.first {
      throw WeighbridgeError(
        .mapping, "several sources land on this name: \(collision.sources.joined(separator: ", "))",
        file: checkpoint.path, entry: collision.name)
    }
    guard !stateDict.tensors.isEmpty else {
      // Nothing would be written, and nothing said of what could not be read.
      throw checkpoint.unreadable.first.map {
        $0.reason.error(file: checkpoint.path, entry: $0.name)
      }
        ?? WeighbridgeError(
          .malformed, "there is no tensor to write", file: checkpoint.path,
          remedy: "\(Setting.command("inspect")) lists what it holds")
    }
    let source = CheckpointSource(checkpoint, stateDict)
    items = stateDict.tensors.map { tensor in
      Item(
        name: tensor.name,
        dtype: tensor.dtype.isFloatingPoint ? dtype ?? tensor.dtype : tensor.dtype,
        shape: tensor.shape, read: { try source.tensor(tensor.name) })
    }
    // A native file's identity does not survive: the result is not one.
    let isNative = (checkpoint as? SafetensorsCheckpoint)?.native != nil
    (layout, leftOut) = (.pytorch, [])
    metadata = checkpoint.metadata.filter {
      !isNative || !($0.key.hasPrefix("weighbridge.") || NativeManifest.ownNotes.contains($0.key))
    }
    manifest = nil
    self.checkpoint = checkpoint
  }

  private static func manifest(
    _ checkpoint: any Checkpoint, _ rules: Rules, root: String?, id: String,
    configuration: String, assumed: [String] = []
  ) throws -> NativeManifest {
    let earlier = (checkpoint as? SafetensorsCheckpoint)?.native?.manifest
    var notes: [String: String] = [:]
    for key in [NativeManifest.rulesKey, NativeManifest.rulesTextKey, NativeManifest.rootKey] {
      notes[key] = earlier?.notes[key]
    }
    if !rules.isEmpty {
      notes[NativeManifest.rulesKey] = rules.digest
      // What leads from the source to these names: rules that made an earlier native file come first.
      notes[NativeManifest.rulesTextKey, default: ""] += rules.yaml
    }
    if earlier == nil, let root { notes[NativeManifest.rootKey] = root }
    if !assumed.isEmpty {
      notes[NativeManifest.assumedKey] = assumed.joined(separator: ",")
    }
    let path = checkpoint.path
    // A native file converted again keeps the source that its weights came from.
    let source =
      try earlier?.source
      ?? NativeManifest.Source(
        name: path.split(separator: "/").last.map(String.init) ?? path,
        sha256: SHA256Sum.ofFile(path))
    return NativeManifest(
      architecture: id, configuration: configuration, source: source, notes: notes)
  }

  /// Writes the file: under a temporary name, read back, and renamed when it is complete.
  ///
  /// - Parameters:
  ///   - level: Compresses npz and HDF5, from 1, the fastest, to 9.
  ///   - progress: Called before each tensor with how many are done, and its name.
  /// - Throws: `usage` when a native file is asked for without a model, `unwritable`, `unsupported`
  ///   for a dtype that the format has not, and what reading throws. Nothing is left behind then.
  @discardableResult
  public func write(
    to path: String, as format: ExportFormat, gzip level: Int? = nil,
    progress: (Int, String) -> Void = { _, _ in }
  ) throws -> ExportSummary {
    let plan = items.map(\.description)
    switch format {
    case .native:
      guard level == nil else {
        throw WeighbridgeError(
          .usage, "a native weight file is mapped into memory, and is not compressed", file: path)
      }
      guard let manifest else {
        throw WeighbridgeError(
          .usage, "a native weight file says which model it is, and none is known",
          remedy: "Give \(Setting.model()), or \(Setting.format("safetensors")) for a plain file")
      }
      let writer = try NativeWeightsWriter(path, manifest: manifest, tensors: plan)
      return try write(progress, writer.add, writer.finish, writer.cancel)
    case .checkpoint(let format, let naming):
      let writer = try Checkpoints.writer(
        path, format: format, tensors: plan, metadata: layout.metadata(metadata, in: format),
        naming: naming, gzip: level)
      var summary = try write(progress, writer.add, writer.finish, writer.cancel)
      if format == .hdf5 { summary.renamed = renamed }
      return summary
    }
  }

  /// What changes its name in HDF5. A reference's entries are looked for as they were written.
  private var renamed: [(name: String, read: String)] {
    guard !items.contains(where: { $0.name == "inputs/0" }) else { return [] }
    return items.map { ($0.name, HDF5Naming.nameRead(of: $0.name)) }.filter { $0.name != $0.read }
  }

  private func write(
    _ progress: (Int, String) -> Void, _ add: (String, Tensor) throws -> Void,
    _ finish: () throws -> Void, _ cancel: () -> Void
  ) throws -> ExportSummary {
    var summary = ExportSummary()
    summary.leftOut = leftOut
    try write(items[...], into: &summary, progress, add, finish, cancel)
    return summary
  }

  /// Writes some of the items into one file.
  func write(
    _ items: ArraySlice<Item>, into summary: inout ExportSummary,
    _ progress: (Int, String) -> Void, _ add: (String, Tensor) throws -> Void,
    _ finish: () throws -> Void, _ cancel: () -> Void
  ) throws {
    do {
      for item in items {
        progress(summary.tensors, item.name)
        let (tensor, warning) = try item.converted()
        if let warning { summary.warnings.append(warning) }
        try add(item.name, tensor)
        summary.tensors += 1
        summary.bytes += tensor.byteCount
      }
      // Before the file gets its name: what was read of a file that changed meanwhile is a mixture.
      try checkpoint.checkUnchanged()
      try finish()
    } catch {
      cancel()
      // Bytes that make no sense may do so because somebody writes them just now.
      try checkpoint.checkUnchanged()
      throw error
    }
  }
}

extension Export.Item {
  /// What a writer must know of it before.
  var description: TensorDescription { TensorDescription(name: name, dtype: dtype, shape: shape) }

  /// The tensor in its dtype, and what is to be said about its values.
  func converted() throws -> (Tensor, ExportSummary.Warning?) {
    let tensor = try read()
    guard tensor.dtype.isFloatingPoint else { return (tensor, nil) }
    let nonFinite = try ElementCounts.nonFinite(in: tensor)
    let converted = try tensor.converted(to: dtype)
    var (overflowed, vanished) = (0, 0)
    if !tensor.dtype.converts(exactlyTo: dtype) {
      overflowed = try ElementCounts.nonFinite(in: converted) - nonFinite
      vanished = try ElementCounts.nonZero(in: tensor) - ElementCounts.nonZero(in: converted)
    }
    guard nonFinite + overflowed + vanished > 0 else { return (converted, nil) }
    return (
      converted,
      .init(name: name, nonFinite: nonFinite, overflowed: overflowed, vanished: vanished)
    )
  }
}
