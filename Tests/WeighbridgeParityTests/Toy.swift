import TestSupport
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeComparison
@testable import WeighbridgeParity
@testable import WeighbridgeReferences
@testable import WeighbridgeReports
@testable import WeighbridgeRunning
@testable import WeighbridgeVerdicts

/// Errors to inject into the toy.
struct Faults: Sendable {
  /// Added to what a leaf returns, by path.
  var leaf: [String: Double] = [:]
  /// Added where a block joins its children, by the block's path.
  var glue: [String: Double] = [:]
  /// Paths of leaves that return NaN in their first element.
  var nan: Set<String> = []
  /// How often `tail` is called.
  var tailCalls = 2
  /// Whether blocks have a module that the reference does not know.
  var hasExtra = false
  /// Added by the model to what it hands to `tail`.
  var wayToTail = 0.0
  /// Whether the model's own output is doubled.
  var doublesOutput = false
}

/// A linear map that can go wrong.
struct ToyLeaf: Module {
  let path: ModulePath
  let kind = "Linear"
  let linear: Linear
  let faults: Faults

  init(_ w: WeightScope, _ width: Int, _ faults: Faults) throws {
    path = w.path
    linear = try Linear(w, in: width, out: width)
    self.faults = faults
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try linear.forward(x)
    if let error = faults.leaf[path.name] { y = try y.affine(shift: error) }
    if faults.nan.contains(path.name), y.dtype == .float32 {
      var values = try y.elements(as: Float.self)
      values[0] = .nan
      y = try Tensor(values, shape: y.shape)
    }
    return y
  }
}

/// x + relu(fc(x)), and returns the gate beside it.
struct ToyBlock: Module {
  let path: ModulePath
  let fc: ToyLeaf
  let relu: ReLU
  let extra: Identity
  let faults: Faults

  init(_ w: WeightScope, _ width: Int, _ faults: Faults) throws {
    path = w.path
    fc = try ToyLeaf(w / "fc", width, faults)
    relu = ReLU(w / "relu")
    extra = Identity(w / "extra")
    self.faults = faults
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try relu(fc(x))
    if faults.hasExtra { y = try extra(y) }
    y = try x + y
    return try faults.glue[path.name].map { try y.affine(shift: $0) } ?? y
  }
}

/// Two tensors.
struct ToyPair: TensorBundle {
  var a: Tensor
  var b: Tensor
  var tensors: [Tensor] { [a, b] }

  init(a: Tensor, b: Tensor) { (self.a, self.b) = (a, b) }

  init(tensors: [Tensor]) throws {
    guard tensors.count == 2 else { throw WeighbridgeError(.shape, "a pair has two tensors") }
    (a, b) = (tensors[0], tensors[1])
  }
}

/// A module that returns two tensors.
struct ToySplit: Module {
  let path: ModulePath

  func forward(_ x: Tensor) throws -> ToyPair {
    try ToyPair(a: x.affine(scale: 2), b: x.affine(shift: 1))
  }
}

/// Two blocks, a module called several times, and one that returns two tensors.
struct Toy: Module {
  static let width = 6
  let path: ModulePath
  let blocks: [ToyBlock]
  let tail: ReLU
  let split: ToySplit
  let faults: Faults

  init(_ w: WeightScope, _ faults: Faults = Faults()) throws {
    path = w.path
    blocks = try (0..<2).map { try ToyBlock(w / "blocks" / $0, Toy.width, faults) }
    tail = ReLU(w / "tail")
    split = ToySplit(path: (w / "split").path)
    self.faults = faults
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = x
    for block in blocks { y = try block(y) }
    if faults.wayToTail != 0 { y = try y.affine(shift: faults.wayToTail) }
    for _ in 0..<faults.tailCalls { y = try tail(y).affine(shift: -0.25) }
    let pair = try split(y)
    y = try pair.a + pair.b
    return faults.doublesOutput ? try y.affine(scale: 2) : y
  }

  /// The same random weights every time.
  static func load(_ faults: Faults = Faults(), dtype: DType = .float32) throws -> Toy {
    try Weights.load(checkpoint(), dtype: dtype) { try Toy($0, faults) }
  }

  static func checkpoint() throws -> MemoryCheckpoint {
    var generator = SplitMix(seed: 5)
    var tensors: [(name: String, tensor: Tensor)] = []
    for block in 0..<2 {
      for (name, shape) in [("weight", Shape([width, width])), ("bias", [width])] {
        let values = (0..<shape.elementCount).map { _ in Float(generator.next(in: -0.5...0.5)) }
        tensors.append(("blocks.\(block).fc.\(name)", try Tensor(values, shape: shape)))
      }
    }
    return MemoryCheckpoint(tensors, path: "toy.npz")
  }

  static func input() throws -> Tensor {
    var generator = SplitMix(seed: 11)
    return try Tensor(
      (0..<3 * width).map { _ in Float(generator.next(in: -1...1)) }, shape: [3, width])
  }
}

/// Entries of a reference, to be changed before they are read.
struct RecordedEntries {
  var tensors: [(name: String, tensor: Tensor)] = []
  var metadata: [String: String] = [:]

  /// What the flawless toy returns.
  static func toy(noise: Bool = false) throws -> RecordedEntries {
    let (model, exact) = (try Toy.load(), try Toy.load(dtype: .float64))
    let (probe, exactProbe) = (RecordingProbe(), RecordingProbe())
    let input = try Toy.input()
    let outputs = try ProbeRun.with(probe) { try model.run([input]) }
    _ = try ProbeRun.with(exactProbe) { try exact.run([input.converted(to: .float64)]) }
    var entries = RecordedEntries()
    entries.tensors.append(("inputs/0", input))
    for (index, output) in outputs.enumerated() {
      entries.tensors.append(("outputs/\(index)", output))
    }
    for (found, twin) in zip(probe.activations, exactProbe.activations) {
      let name = found.key.path == .root ? "outputs/0" : found.key.description
      if found.key.path != .root { entries.tensors.append(("activations/\(name)", found.tensor)) }
      guard noise else { continue }
      let figures = try Comparison.figures(found.tensor, twin.tensor)
      entries.tensors.append(
        ("noise/\(name)", try Tensor([figures.rms, figures.maxAbs], shape: [2])))
    }
    return entries
  }

  func reference() throws -> Reference {
    try Reference(MemoryCheckpoint(tensors, path: "reference.npz", metadata: metadata))
  }

  subscript(name: String) -> Tensor? {
    get { tensors.first { $0.name == name }?.tensor }
    set {
      if let index = tensors.firstIndex(where: { $0.name == name }) {
        if let newValue { tensors[index].tensor = newValue } else { tensors.remove(at: index) }
      } else if let newValue {
        tensors.append((name, newValue))
      }
    }
  }
}

extension ParityResult {
  /// The layer of this name.
  func layer(_ name: String) -> LayerVerdict? { (layers + outputs).first { $0.name == name } }

  /// The status of every layer and output by name.
  var statuses: [String: LayerStatus] {
    Dictionary((layers + outputs).map { ($0.name, $0.status) }) { first, _ in first }
  }
}

/// Validates the toy with these faults.
func validate(
  _ faults: Faults = Faults(), against entries: RecordedEntries,
  _ change: (inout ValidationOptions) -> Void = { _ in }
) throws -> ParityResult {
  var options = ValidationOptions()
  change(&options)
  return try Validator(entries.reference(), options: options)
    .validate(Toy.load(faults)) { try Toy.load(faults, dtype: .float64) }
}

/// The error that an expression throws.
func failure(_ body: () throws -> some Any) -> WeighbridgeError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? WeighbridgeError
  }
}
