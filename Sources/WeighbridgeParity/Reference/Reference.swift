import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules

/// Activations recorded from PyTorch, read when asked for.
///
/// The layout: `inputs/0` …, `outputs/0` …, `activations/PATH[#CALL]`, `noise/PATH[#CALL]` and
/// `noise/outputs/0`, `metadata`; a call that returned several tensors has `/0`, `/1` … at the end.
public struct Reference: Sendable {
  /// How far PyTorch's own float32 result was from the same module run in float64.
  public struct Noise: Sendable, Hashable {
    public var rms: Double
    public var max: Double

    public init(rms: Double, max: Double) {
      self.rms = rms
      self.max = max
    }
  }

  /// The file.
  public var path: String { checkpoint.path }
  public let metadata: RecordedMetadata
  /// The number of inputs.
  public let inputCount: Int
  /// The number of outputs; 0 when none was recorded.
  public let outputCount: Int
  /// Every recorded activation, in the order of the file.
  public let keys: [ActivationKey]
  /// Entries that belong to no part of the layout.
  public let ignored: [String]

  let checkpoint: any Checkpoint
  private let activations: [ActivationKey: CheckpointEntry]
  private let noises: [String: String]

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
    var layout = ReferenceLayout(file: checkpoint.path)
    for entry in checkpoint.entries { try layout.take(entry) }
    for entry in checkpoint.skipped where ReferenceLayout.isPart(entry.name) {
      throw WeighbridgeError(
        .malformed, entry.reason, file: checkpoint.path, entry: entry.name,
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
    keys = layout.keys
    activations = layout.activations
    noises = layout.noises
    ignored = layout.ignored
    metadata = try RecordedMetadata(of: checkpoint)
  }

  /// The inputs in call order, floating-point ones as float32.
  ///
  /// - Throws: when one cannot be read.
  public func inputs(as dtype: DType = .float32) throws -> [Tensor] {
    try checkpoint.tensors((0..<inputCount).map { "inputs/\($0)" }).map { tensor in
      tensor.dtype.isFloatingPoint ? try tensor.converted(to: dtype) : tensor
    }
  }

  /// One recorded output.
  public func output(_ index: Int) throws -> Tensor {
    try checkpoint.tensor("outputs/\(index)")
  }

  /// The recorded tensors of a module's call: `nil` when there are none.
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

  /// One recorded tensor; `nil` when there is none.
  public func tensor(_ key: ActivationKey) throws -> Tensor? {
    guard let entry = activations[key] else { return nil }
    return try checkpoint.tensor(entry.rawPath)
  }

  /// The dtype and the shape of a recorded tensor, without reading it.
  public func description(of key: ActivationKey) -> (dtype: DType, shape: Shape)? {
    activations[key].map { ($0.dtype, $0.shape) }
  }

  /// The recorded noise of an activation.
  ///
  /// - Throws: `malformed` when it is not a pair of non-negative numbers.
  public func noise(_ key: ActivationKey) throws -> Noise? {
    try noiseName(key).map(readNoise)
  }

  /// Whether the noise of an activation is recorded.
  public func hasNoise(_ key: ActivationKey) -> Bool { noiseName(key) != nil }

  /// The recorded noise of an output.
  public func outputNoise(_ index: Int) throws -> Noise? {
    try noises["outputs/\(index)"].map(readNoise)
  }

  /// Whether every recorded activation and output has its noise.
  public var hasNoiseEverywhere: Bool {
    keys.allSatisfy(hasNoise) && (0..<outputCount).allSatisfy { noises["outputs/\($0)"] != nil }
  }

  /// The bytes that all recorded activations take.
  public var activationByteCount: Int {
    activations.values.reduce(0) { $0 &+ $1.byteCount }
  }

  /// An activation's noise bears the activation's own name.
  private func noiseName(_ key: ActivationKey) -> String? {
    activations[key].flatMap { noises[String($0.rawPath.dropFirst("activations/".count))] }
  }

  private func readNoise(_ name: String) throws -> Noise {
    let tensor = try checkpoint.tensor(name)
    let values = tensor.elementCount == 2 ? try tensor.elements(as: Double.self) : []
    guard values.count == 2, values.allSatisfy({ $0 >= 0 || $0.isNaN }) else {
      throw WeighbridgeError(
        .malformed, "noise must be the pair [rms, max], this is \(tensor.dtype) \(tensor.shape)",
        file: path, entry: name)
    }
    return Noise(rms: values[0], max: values[1])
  }
}
