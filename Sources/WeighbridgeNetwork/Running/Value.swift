/// What an instruction of a recorded program gives: a tensor, what Python passes beside tensors, or a
/// container of these.
package indirect enum Value: Sendable {
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case dtype(DType)
  case tensor(Tensor)
  case list([Value])
  case dictionary([(key: String, value: Value)])
  case slice(Value, Value, Value)
  case ellipsis

  /// What it is, for messages.
  package var kind: String {
    switch self {
    case .none: "None"
    case .boolean: "a flag"
    case .integer, .number: "a number"
    case .text: "a text"
    case .dtype: "a dtype"
    case .tensor(let tensor): "a tensor \(tensor.shape)"
    case .list(let items): "a list of \(items.count)"
    case .dictionary: "a dictionary"
    case .slice: "a slice"
    case .ellipsis: "an ellipsis"
    }
  }

  /// The tensors in it, in order, as a recorder finds them.
  package var tensors: [Tensor] {
    switch self {
    case .tensor(let tensor): [tensor]
    case .list(let items): items.flatMap(\.tensors)
    case .dictionary(let members): members.flatMap(\.value.tensors)
    default: []
    }
  }

  /// The same with other tensors, in order.
  ///
  /// - Throws: `shape` when there are not as many.
  package func replacing(_ tensors: [Tensor]) throws -> Value {
    var rest = tensors[...]
    let result = try replacing(&rest)
    guard rest.isEmpty else {
      throw WeighbridgeError(.shape, "there are \(rest.count) tensors too many")
    }
    return result
  }

  private func replacing(_ rest: inout ArraySlice<Tensor>) throws -> Value {
    switch self {
    case .tensor:
      guard let next = rest.popFirst() else {
        throw WeighbridgeError(.shape, "there are too few tensors")
      }
      return .tensor(next)
    case .list(let items):
      return .list(try items.map { try $0.replacing(&rest) })
    case .dictionary(let members):
      return .dictionary(
        try members.map { (key: $0.key, value: try $0.value.replacing(&rest)) })
    default: return self
    }
  }

  /// A list of tensors.
  package static func tensors(_ tensors: [Tensor]) -> Value { .list(tensors.map { .tensor($0) }) }
}

extension Value {
  /// A whole number; flags count, as in Python.
  package var asInteger: Int? {
    switch self {
    case .integer(let value): value
    case .boolean(let value): value ? 1 : 0
    default: nil
    }
  }

  /// A number; flags count.
  package var asNumber: Double? {
    if case .number(let value) = self { return value }
    return asInteger.map(Double.init)
  }
}
