import Testing
import WeighbridgeModules

@testable import WeighbridgeMapping

/// A small architecture for the tests: x·Wᵀ twice with a norm between, and a layer that nothing uses.
struct ToyNet: Architecture {
  static let id = "toy"
  static let summary = "Two linear maps."
  static let keys = [
    ConfigurationKey("width", .integer, default: nil, inferred: true, "the hidden features"),
    ConfigurationKey("classes", .integer, default: .integer(10), inferred: true, "the outputs"),
    ConfigurationKey("heads", .integer, default: .integer(8), "not told by shapes"),
  ]

  let path: ModulePath
  let first: Linear
  let norm: BatchNorm
  let second: Linear
  let unused: Linear

  static func recognizes(_ shapes: StateDictShapes) -> Bool {
    shapes.contains("first.weight", "second.weight")
  }

  static func infer(_ configuration: inout Configuration, from shapes: StateDictShapes) throws {
    if let width = shapes.extent("first.weight", 0) {
      try configuration.infer("width", width, evidence: shapes.evidence("first.weight"))
    }
    if let classes = shapes.extent("second.weight", 0) {
      try configuration.infer("classes", classes, evidence: shapes.evidence("second.weight"))
    }
  }

  static func check(_ configuration: Configuration) throws {
    guard try configuration.integer("heads") > 0 else {
      throw WeighbridgeError(.usage, "heads must be positive")
    }
  }

  init(_ w: WeightScope, _ configuration: Configuration) throws {
    path = w.path
    let (width, classes) = (
      try configuration.integer("width"), try configuration.integer("classes")
    )
    first = try Linear(w / "first", in: 3, out: width)
    norm = try BatchNorm(w / "norm", channels: width)
    second = try Linear(w / "second", in: width, out: classes, bias: .ifPresent)
    unused = try Linear(
      (w / "unused").dead(because: "no forward uses it"), in: 2, out: 2, bias: .absent)
  }

  func forward(_ x: Tensor) throws -> Tensor { try second(norm(first(x))) }
}

/// The toy's state dict, each tensor filled with values that tell it from the others.
func toyTensors(width: Int = 4, classes: Int = 2) -> [(name: String, tensor: Tensor)] {
  let shapes: [(String, Shape)] = [
    ("first.weight", [width, 3]), ("first.bias", [width]), ("norm.weight", [width]),
    ("norm.bias", [width]), ("norm.running_mean", [width]), ("norm.running_var", [width]),
    ("second.weight", [classes, width]), ("unused.weight", [2, 2]),
  ]
  return shapes.enumerated().compactMap { index, pair in
    let count = pair.1.elementCount
    let values = (0..<count).map { Float(index * 100 + $0) + 1 }
    guard let tensor = try? Tensor(values, shape: pair.1) else { return nil }
    return (pair.0, tensor)
  }
}

extension MemoryCheckpoint {
  static func toy(_ change: (inout [(name: String, tensor: Tensor)]) -> Void = { _ in }) -> Self {
    var tensors = toyTensors()
    change(&tensors)
    return MemoryCheckpoint(tensors, path: "toy.npz")
  }
}

extension Tensor {
  /// A tensor of zeros, for shapes alone.
  static func blank(_ shape: Shape, _ dtype: DType = .float32) -> Tensor {
    Tensor(describing: dtype, shape: shape)
  }
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
