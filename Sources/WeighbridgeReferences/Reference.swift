import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules

/// Activations recorded from PyTorch, read when asked for.
///
/// The layout: `inputs/0` …, `outputs/0` …, `activations/PATH[#CALL]`, `noise/PATH[#CALL]` and
/// `noise/outputs/0`, `metadata`; a call that returned several tensors has `/0`, `/1` … at the end.
/// A large activation may be sampled: `samples/PATH[#CALL]` (a subset of its elements, see
/// `SampleIndices`), `sums/PATH[#CALL]`, and `metadata.sampling`.
public struct Reference: Sendable {
  /// How far PyTorch's own float32 result was from the same module run in float64.
  public struct Noise: Sendable, Hashable {
    /// The root mean square of the difference.
    public var rms: Double
    /// The largest absolute difference.
    public var max: Double

    /// Both in the units of the activation.
    public init(rms: Double, max: Double) {
      self.rms = rms
      self.max = max
    }
  }

  /// The file.
  public var path: String { checkpoint.path }
  /// What the file says of the model, and what recorded it.
  public let metadata: RecordedMetadata
  /// What the recorder saw beside the values.
  public let conditions: RecordingConditions
  /// The number of inputs.
  public let inputCount: Int
  /// The number of outputs; 0 when none was recorded.
  public let outputCount: Int
  /// Every recorded activation, in the order of the file.
  public let keys: [ActivationKey]
  /// Entries that belong to no part of the layout.
  public let ignored: [String]

  package let checkpoint: any Checkpoint
  /// What wrappers put into the paths of modules, which is taken off.
  package let wrappers: RecordedPaths
  private var activations: [ActivationKey: CheckpointEntry]
  private let sampled: [ActivationKey: SampledEntry]
  package let sampling: SamplingMetadata?
  private let noises: [String: String]
  /// The same by names without wrappers, where that changes them.
  private let unwrappedNoises: [String: String]
  /// Tensors that were read ahead, by raw path.
  private var ahead: [String: Tensor] = [:]
  /// Whole activations that are given out under another shape than the file's.
  private var reshapings: [ActivationKey: Reshaping] = [:]

  /// Opens a reference file of any format.
  ///
  /// - Throws: `unreadable`, `malformed` or `unsupported`, naming file and entry.
  public init(path: String) throws {
    try self.init(Checkpoints.open(path))
  }

  /// Reads the layout of an open file.
  ///
  /// - Throws: `malformed` when it has no inputs, or entries that break the layout.
  public init(_ checkpoint: any Checkpoint) throws {
    try self.init(checkpoint, RecordedPaths(of: checkpoint))
  }

  /// - Parameter wrappers: What is taken off recorded paths.
  package init(_ checkpoint: any Checkpoint, _ wrappers: RecordedPaths) throws {
    self.wrappers = wrappers
    var layout = ReferenceLayout(file: checkpoint.path, paths: wrappers)
    for entry in checkpoint.entries { try layout.take(entry) }
    for entry in checkpoint.skipped where ReferenceLayout.isPart(entry.name) {
      throw WeighbridgeError(
        .malformed, entry.reason.clause, file: checkpoint.path, entry: entry.name,
        remedy: "A reference holds numeric arrays")
    }
    inputCount = try layout.count(of: "inputs")
    outputCount = try layout.count(of: "outputs")
    guard inputCount > 0 else {
      throw WeighbridgeError(
        .malformed, "this is not a reference: it has no entry inputs/0", file: checkpoint.path,
        remedy: "tools/record writes references: inputs/0, outputs/0, activations/MODULE.PATH …")
    }
    self.checkpoint = checkpoint
    let metadata = try RecordedMetadata(of: checkpoint)
    self.metadata = metadata
    do {
      (sampling, sampled) = try Reference.sampled(layout, metadata)
      conditions = try RecordingConditions(metadata.recording).unwrapped(wrappers)
      try layout.checkTwins(checkpoint)
    } catch let error as WeighbridgeError {
      throw error.located(file: checkpoint.path)
    }
    keys = layout.keys
    activations = layout.activations
    noises = layout.noises
    unwrappedNoises =
      wrappers.changedCount == 0
      ? [:]
      : Dictionary(
        layout.noises.map { (wrappers.name($0.key), $0.value) },
        uniquingKeysWith: { first, _ in first })
    ignored =
      layout.ignored
      + layout.noises.keys.filter { !layout.isMeasured($0) }.map { "noise/\($0)" }.sorted()
  }

  /// Joins sampled activations with what the metadata says about them.
  private static func sampled(
    _ layout: ReferenceLayout, _ metadata: RecordedMetadata
  ) throws -> (SamplingMetadata?, [ActivationKey: SampledEntry]) {
    guard !layout.sampled.isEmpty else { return (nil, [:]) }
    guard let document = metadata.sampling else {
      throw SamplingMetadata.malformed(
        "\(layout.sampled.count) activations are sampled, but the metadata does not say how "
          + "(metadata.sampling)")
    }
    let sampling = try SamplingMetadata(document)
    var found: [ActivationKey: SampledEntry] = [:]
    for key in layout.keys {
      guard let name = layout.sampled[key], let entry = layout.activations[key] else { continue }
      found[key] = try sampling.entry(name, samples: entry, sums: layout.sums[name])
    }
    return (sampling, found)
  }

  /// The inputs in call order, floating-point ones as float32, where every layer can read them in
  /// place.
  ///
  /// - Throws: when one cannot be read.
  public func inputs(as dtype: DType = .float32) throws -> [Tensor] {
    try checkpoint.tensors((0..<inputCount).map { "inputs/\($0)" }).map { tensor in
      try (tensor.dtype.isFloatingPoint ? tensor.converted(to: dtype) : tensor).aligned()
    }
  }

  /// The shapes of the inputs in call order.
  package var inputShapes: [Shape] {
    (0..<inputCount).compactMap { checkpoint.entry("inputs/\($0)")?.shape }
  }

  /// Says of memory that a model ran out of whose network and inputs took it.
  package func computing<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as WeighbridgeError where error.code == .engine {
      throw error.located(file: path)
    }
  }

  /// One recorded output.
  public func output(_ index: Int) throws -> Tensor {
    try checkpoint.tensor("outputs/\(index)")
  }

  /// What is recorded of a module's call, whole or sampled: `nil` when there is nothing.
  package func recorded(_ path: ModulePath, call: Int) throws -> [RecordedActivation]? {
    if let one = try recorded(ActivationKey(path, call: call)) { return [one] }
    var found: [RecordedActivation] = []
    while let next = try recorded(ActivationKey(path, call: call, item: found.count)) {
      found.append(next)
    }
    return found.isEmpty ? nil : found
  }

  /// What is recorded of one tensor.
  package func recorded(_ key: ActivationKey) throws -> RecordedActivation? {
    guard let entry = sampled[key] else { return try tensor(key).map { .whole($0) } }
    return .sampled(
      RecordedSamples(
        shape: entry.shape, indices: entry.indices,
        values: try checkpoint.tensor(entry.samples), sums: try checkpoint.tensor(entry.sums)))
  }

  /// Further names of modules that PyTorch knows by two, each with the one that is recorded.
  package func aliases() throws -> [String: String] {
    let recorded = try RecordedMetadata.aliases(of: checkpoint)
    return Dictionary(
      recorded.map { (wrappers.path($0.key), wrappers.path($0.value)) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The class of a recorded module, without its package; `nil` where it was not recorded.
  package func className(of path: ModulePath) -> String? { conditions.className(of: path) }

  /// Checks that nobody has written into the file since it was opened.
  ///
  /// - Throws: `unreadable` when somebody has.
  public func checkUnchanged() throws { try checkpoint.checkUnchanged() }

  /// Whether an activation is recorded as samples and sums.
  public func isSampled(_ key: ActivationKey) -> Bool { sampled[key] != nil }

  /// How many activations are recorded as samples.
  package var sampledCount: Int { sampled.count }

  /// The recorded tensors of a module's call that are whole: `nil` when there are none.
  public func tensors(_ path: ModulePath, call: Int) throws -> [Tensor]? {
    if let tensor = try tensor(ActivationKey(path, call: call)) { return [tensor] }
    var tensors: [Tensor] = []
    while let next = try tensor(ActivationKey(path, call: call, item: tensors.count)) {
      tensors.append(next)
    }
    return tensors.isEmpty ? nil : tensors
  }

  /// Whether the file has a tensor of this activation.
  public func contains(_ key: ActivationKey) -> Bool { activations[key] != nil }

  /// One recorded tensor; `nil` when there is none, or only samples.
  public func tensor(_ key: ActivationKey) throws -> Tensor? {
    guard sampled[key] == nil, let entry = activations[key] else { return nil }
    let tensor = try ahead[entry.rawPath] ?? checkpoint.tensor(entry.rawPath)
    return try reshapings[key]?.likeOurs(tensor) ?? tensor
  }

  /// The dtype and the shape of a recorded tensor, without reading it.
  public func description(of key: ActivationKey) -> (dtype: DType, shape: Shape)? {
    activations[key].map {
      ($0.dtype, sampled[key]?.shape ?? reshapings[key]?.ours ?? $0.shape)
    }
  }

  /// What the file calls an activation, behind `activations/` or `samples/`.
  package func recordedName(of key: ActivationKey) -> String? {
    activations[key]?.rawPath.split(separator: "/", maxSplits: 1).last.map(String.init)
  }

  /// The recorded noise of an activation; `nil` for one that is not repeatable, whose noise would be
  /// chance.
  ///
  /// - Throws: `malformed` when it is not a pair of non-negative numbers.
  public func noise(_ key: ActivationKey) throws -> Noise? {
    try noiseName(key).map(readNoise).flatMap { isRepeatable(key) ? $0 : nil }
  }

  /// Whether the noise of an activation is recorded, and a finite number.
  public func hasNoise(_ key: ActivationKey) -> Bool {
    isRepeatable(key) && hasFiniteNoise(noiseName(key))
  }

  /// The recorded noise of an output; `nil` for one that is not repeatable.
  public func outputNoise(_ index: Int) throws -> Noise? {
    try noises["outputs/\(index)"].map(readNoise).flatMap { isOutputRepeatable(index) ? $0 : nil }
  }

  /// Whether the noise of an output is recorded, and a finite number.
  package func hasOutputNoise(_ index: Int) -> Bool {
    isOutputRepeatable(index) && hasFiniteNoise(noises["outputs/\(index)"])
  }

  private func hasFiniteNoise(_ name: String?) -> Bool {
    guard let name, let noise = try? readNoise(name) else { return false }
    return noise.rms.isFinite && noise.max.isFinite
  }

  /// Whether every recorded activation and output has its noise.
  public var hasNoiseEverywhere: Bool {
    keys.allSatisfy(hasNoise) && (0..<outputCount).allSatisfy(hasOutputNoise)
  }

  /// The same reference with its activations read on all threads, since more than one run uses them:
  /// those used in place are checked against the file's checksums, compressed ones are inflated and
  /// kept unless they take more than `byteLimit`.
  ///
  /// - Throws: when one cannot be read.
  package func readAhead(byteLimit: Int = 1 << 30) throws -> Reference {
    let entries = activations.values.sorted { $0.rawPath < $1.rawPath }
    let kept = entries.reduce(0) { $0 &+ ($1.storage == .inPlace ? 0 : $1.byteCount) }
    let isAffordable = kept >= 0 && kept <= byteLimit
    let names = entries.filter { $0.storage == .inPlace || isAffordable }.map(\.rawPath)
    var copy = self
    copy.ahead = try Dictionary(zip(names, checkpoint.tensors(names))) { first, _ in first }
    return copy
  }

  /// The same reference without what is recorded of some calls.
  package func leavingOut(_ isLeftOut: (ActivationKey) -> Bool) -> Reference {
    var copy = self
    copy.activations = activations.filter { !isLeftOut($0.key) }
    return copy
  }

  /// The same reference with some activations under the shapes that they have here.
  package func reshaped(_ reshapings: [ActivationKey: Reshaping]) -> Reference {
    var copy = self
    copy.reshapings = reshapings.filter { sampled[$0.key] == nil }
    return copy
  }

  /// The bytes that all recorded activations take, sampled ones as if they were whole.
  public var activationByteCount: Int {
    activations.reduce(0) { total, activation in
      total
        &+ (sampled[activation.key].map { $0.shape.elementCount &* $0.dtype.byteCount }
          ?? activation.value.byteCount)
    }
  }

  /// An activation's noise bears the activation's own name.
  private func noiseName(_ key: ActivationKey) -> String? {
    activations[key].flatMap { entry in
      let part = sampled[key] == nil ? "activations/" : "samples/"
      let name = String(entry.rawPath.dropFirst(part.count))
      return noises[name] ?? unwrappedNoises[wrappers.name(name)]
    }
  }

  private func readNoise(_ name: String) throws -> Noise {
    let tensor = try checkpoint.tensor(name)
    let values = tensor.elementCount == 2 ? try tensor.elements(as: Double.self) : []
    guard values.count == 2 else {
      throw WeighbridgeError(
        .malformed, "noise must be the pair [rms, max], this is \(tensor.dtype) \(tensor.shape)",
        file: path, entry: name, remedy: "Record the reference again")
    }
    guard values.allSatisfy({ $0 >= 0 || $0.isNaN }) else {
      throw WeighbridgeError(
        .malformed,
        "the noise [rms, max] is [\(values[0]), \(values[1])], and neither can be negative",
        file: path, entry: name, remedy: "Record the reference again")
    }
    return Noise(rms: values[0], max: values[1])
  }
}
