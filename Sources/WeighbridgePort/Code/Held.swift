import WeighbridgeNetwork

/// What a value of a program is where its forward is written: an expression of Swift, or something that
/// never becomes one, as None and texts.
indirect enum Held: Sendable {
  /// An expression, and the form of its value. What is fixed is the same in every run: an attribute.
  case code(Code, Value, isFixed: Bool = false)
  /// Values and indices in one expression.
  case indexed(Code, values: Value, indices: Value)
  case list([Held])
  case dictionary([(key: String, value: Held)])
  case literal(Value)
  case slice(Held, Held, Held)
  /// Something that cannot be written; only using it is a limit.
  case refused(String)

  /// The form of the value.
  var form: Value {
    switch self {
    case .code(_, let form, _): form
    case .indexed(_, let values, let indices): .list([values, indices])
    case .list(let items): .list(items.map(\.form))
    case .dictionary(let members):
      .dictionary(members.map { (key: $0.key, value: $0.value.form) })
    case .literal(let value): value
    case .slice(let a, let b, let c): .slice(a.form, b.form, c.form)
    case .refused: .none
    }
  }

  /// The value where it is the same in every run.
  var fixed: Value? {
    switch self {
    case .literal(let value): return value
    case .code(_, let value, isFixed: true): return value
    case .list(let items):
      let values = items.compactMap(\.fixed)
      return values.count == items.count ? .list(values) : nil
    default: return nil
    }
  }

  var isNone: Bool { if case .literal(.none) = self { true } else { false } }

  /// A member of a list, or of a dictionary by its place.
  func item(_ index: Int) throws -> Held {
    switch self {
    case .list(let items) where index < items.count: return items[index]
    case .dictionary(let members) where index < members.count: return members[index].value
    case .indexed(let code, let values, let indices) where index < 2:
      return index == 0
        ? .code(code.member("values"), values) : .code(code.member("indices"), indices)
    case .code(let code, .list(let forms), let isFixed) where index < forms.count:
      return .code(code.item(index), forms[index], isFixed: isFixed)
    case .literal(.list(let values)) where index < values.count: return .literal(values[index])
    default: throw PortLimit("takes item \(index) of \(form.kind)")
    }
  }

  func member(_ key: String) throws -> Held {
    guard case .dictionary(let members) = self,
      let found = members.first(where: { $0.key == key })
    else { throw PortLimit("takes a member of \(form.kind)") }
    return found.value
  }

  /// The tensors in it, in order.
  func tensors() throws -> [Code] {
    switch self {
    case .code(let code, .tensor, _): return [code]
    case .code(let code, .list(let forms), _):
      return try forms.indices.flatMap { try Held.code(code.item($0), forms[$0]).tensors() }
    case .indexed(let code, _, _): return [code.member("values"), code.member("indices")]
    case .list(let items): return try items.flatMap { try $0.tensors() }
    case .dictionary(let members): return try members.flatMap { try $0.value.tensors() }
    case .refused(let reason): throw PortLimit(reason)
    default: return []
    }
  }

  /// The tensors as one array: `[a, b]`, or the array that it is.
  func tensorArray() throws -> Code {
    if let whole { return whole }
    return .list(try tensors())
  }

  /// The one array that all of it is, if it is one.
  private var whole: Code? {
    if case .code(let code, .list, _) = self { return code }
    if case .list(let items) = self, items.count == 1, case .code(let code, .list, _) = items[0] {
      return code
    }
    return nil
  }

  /// The tensors as a `TensorList`.
  func tensorList() throws -> Code {
    if let whole { return whole.tensorList }
    return .call("TensorList", try tensors().map { Argument(nil, $0) })
  }
}
