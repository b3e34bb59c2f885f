import Synchronization
import WeighbridgeCauses
import WeighbridgeModules
import WeighbridgeReferences

/// One operation of a module's own forward.
struct ObservedOperation: Sendable {
  let index: Int
  let operation: any TensorOperation
  let operands: [Tensor]
  let result: Tensor
}

/// Notes the operations of a forward in order.
final class OperationLog: OperationObserver {
  /// How many operations are kept: a loop may run very many.
  private static let limit = 256
  private let state = Mutex([ObservedOperation]())

  var operations: [ObservedOperation] { state.withLock { $0 } }

  func observe(_ operation: any TensorOperation, _ operands: [Tensor]) throws -> Tensor {
    let result = try operation.result(of: operands)
    state.withLock { operations in
      guard operations.count < Self.limit else { return }
      operations.append(
        ObservedOperation(
          index: operations.count, operation: operation, operands: operands, result: result))
    }
    return result
  }
}

/// Computes some operations of a forward otherwise, told by their place in it.
final class ChangedOperations: OperationObserver {
  typealias Replacement = @Sendable (_ operands: [Tensor]) throws -> Tensor

  private let replacements: [Int: Replacement]
  private let count = Mutex(0)

  init(_ replacements: [Int: Replacement]) { self.replacements = replacements }

  func observe(_ operation: any TensorOperation, _ operands: [Tensor]) throws -> Tensor {
    let index = count.withLock { count in
      defer { count += 1 }
      return count
    }
    return try replacements[index]?(operands) ?? operation.result(of: operands)
  }
}

/// Which elements of which memory a tensor is.
struct TensorView: Hashable, Sendable {
  private let storage: ObjectIdentifier
  private let offset: Int
  private let shape: Shape
  private let strides: [Int]

  init?(_ tensor: Tensor) {
    guard let storage = tensor.storage else { return nil }
    self.storage = ObjectIdentifier(storage)
    (offset, shape, strides) = (tensor.offset, tensor.shape, tensor.strides)
  }
}

/// The operations that a module's own forward computes up to a layer, and where their operands come
/// from.
struct Computation: Sendable {
  let explorer: Explorer
  let operations: [ObservedOperation]
  /// Who made a tensor, by its memory: the index of an operation.
  private let makers: [TensorView: Int]
  private let context: DiagnosisContext

  init(_ explorer: Explorer, _ target: ActivationKey, _ context: DiagnosisContext) {
    let log = OperationLog()
    _ = try? explorer.observed(log, target)
    self.explorer = explorer
    self.context = context
    operations = log.operations
    makers = Dictionary(
      operations.compactMap { one in TensorView(one.result).map { ($0, one.index) } },
      uniquingKeysWith: { _, last in last })
  }

  /// The operation whose result an operand is.
  func maker(of tensor: Tensor) -> ObservedOperation? {
    TensorView(tensor).flatMap { makers[$0] }.map { operations[$0] }
  }

  /// The operations whose operand this result is.
  func readers(of operation: ObservedOperation) -> [ObservedOperation] {
    operations.filter { reader in
      reader.index > operation.index
        && reader.operands.contains { maker(of: $0)?.index == operation.index }
    }
  }

  /// What an operand is, in words.
  func words(_ tensor: Tensor) -> String {
    if let made = maker(of: tensor) { return "the \(made.operation.noun)" }
    if let name = explorer.properties.first(where: { $0.tensor.hasSameValues(as: tensor) })?.name {
      return name
    }
    if let name = context.recorded.name(of: tensor) { return name }
    if explorer.inputs.contains(where: { $0.hasSameValues(as: tensor) }) { return "its input" }
    return "a tensor \(tensor.shape)"
  }

  /// Where in the forward it stands: `the sum of conv2 and its input`.
  func words(_ operation: ObservedOperation) -> String {
    let operands = operation.operands.map(words)
    switch operands.count {
    case 1: return "the \(operation.operation.noun) of \(operands[0])"
    default: return "the \(operation.operation.noun) of \(operands.joined(separator: " and "))"
    }
  }

  /// The change of some operations.
  func change(
    _ kind: Cause.Kind, _ text: String, fix: String, distance: Int = 0, for suspect: Suspect,
    _ replacements: [Int: ChangedOperations.Replacement]
  ) -> Change {
    let name = explorer.path == .root ? "the model" : explorer.path.name
    let explorer = explorer
    return Change(
      Cause(kind, text, fix: .code("\(fix), in \(name)'s forward")), explorer, distance: distance
    ) { try explorer.observed(ChangedOperations(replacements), suspect.key) }
  }
}

extension TensorOperation {
  /// What it is, as a word.
  var noun: String {
    switch self {
    case let layout as LayoutOperation:
      switch layout {
      case .concatenate: "concatenation"
      case .permute: "permutation"
      case .reshape: "reshape"
      case .narrow: "slice"
      }
    case let operation as EngineOperation: operation.word
    default: "result"
    }
  }
}

extension EngineOperation {
  fileprivate var word: String {
    switch self {
    case .matmul: "matrix product"
    case .pool: "pooling"
    case .adaptivePool: "adaptive pooling"
    case .activate(let activation): activation.word
    case .softmax(_, let isLogarithm): isLogarithm ? "log softmax" : "softmax"
    case .unary(let operation):
      switch operation {
      case .affine(let scale, let shift):
        shift == 0 ? "product with \(scale)" : "sum with \(shift)"
      case .clamp: "clamping"
      case .squareRoot: "square root"
      case .power(let exponent): "power of \(exponent)"
      default: "function"
      }
    case .binary(let operation):
      switch operation {
      case .add: "sum"
      case .subtract: "difference"
      case .multiply: "product"
      case .divide: "quotient"
      case .minimum: "minimum"
      case .maximum: "maximum"
      case .power: "power"
      case .floorDivide: "whole quotient"
      case .remainder: "remainder"
      }
    case .reduce(let reduction, _, _): reduction.rawValue
    case .affineGrid: "grid"
    case .gridSample: "sampling"
    case .attention: "attention"
    case .layerNorm: "layer norm"
    case .groupNorm: "group norm"
    case .batchNorm: "batch norm"
    case .scaleChannels: "product by channel"
    case .interpolate: "interpolation"
    case .pad: "padding"
    }
  }
}

extension Activation {
  /// Its name in words.
  var word: String {
    switch self {
    case .relu: "relu"
    case .relu6: "relu6"
    case .leakyReLU(let slope): "leaky relu of slope \(slope)"
    case .gelu: "gelu"
    case .geluTanh: "gelu by tanh"
    case .geluQuick: "gelu by 1.702"
    case .silu: "silu"
    case .sigmoid: "sigmoid"
    case .hardSigmoid: "hard sigmoid"
    case .hardSwish: "hard swish"
    case .tanh: "tanh"
    case .elu: "elu"
    case .softplus: "softplus"
    }
  }
}
