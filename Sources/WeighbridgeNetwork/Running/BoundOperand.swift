/// An operand in a call of one module, with everything filled in that does not depend on inputs.
indirect enum BoundOperand: Sendable {
  case literal(Value)
  case value(Int)
  /// A parameter of the module's own, which diagnosis may have otherwise.
  case parameter(name: String, Tensor)
  case list([BoundOperand])
  case item(BoundOperand, Int)
  case member(BoundOperand, String)
  case size(BoundOperand, axis: Int)
  case operation(Network.Arithmetic, [BoundOperand])
  case slice(BoundOperand, BoundOperand, BoundOperand)
  case dictionary([(key: String, value: BoundOperand)])
  /// Something that cannot be said; only using it is an error.
  case opaque(String)

  /// The operand's value.
  ///
  /// - Parameters:
  ///   - values: Those of the program so far.
  ///   - overrides: Other tensors in place of parameters.
  func value(_ values: [Value], _ overrides: [String: Tensor]) throws -> Value {
    func resolved(_ operand: BoundOperand) throws -> Value {
      try operand.value(values, overrides)
    }
    switch self {
    case .literal(let value): return value
    case .value(let number): return values[number]
    case .parameter(let name, let tensor):
      return .tensor(overrides.isEmpty ? tensor : overrides[name] ?? tensor)
    case .list(let items): return .list(try items.map(resolved))
    case .item(let of, let index):
      switch try resolved(of) {
      case .list(let items) where index < items.count: return items[index]
      case .dictionary(let members) where index < members.count: return members[index].value
      case let other: throw WeighbridgeError(.shape, "\(other.kind) has no item \(index)")
      }
    case .member(let of, let key):
      guard case .dictionary(let members) = try resolved(of),
        let member = members.first(where: { $0.key == key })
      else { throw WeighbridgeError(.shape, "there is no member '\(key)'") }
      return member.value
    case .size(let of, let axis):
      guard case .tensor(let tensor) = try resolved(of), axis < tensor.rank else {
        throw WeighbridgeError(.shape, "\(try resolved(of).kind) has no axis \(axis)")
      }
      return .integer(tensor.shape[axis])
    case .operation(let operation, let operands): return try operation(operands.map(resolved))
    case .slice(let start, let end, let step):
      return .slice(try resolved(start), try resolved(end), try resolved(step))
    case .dictionary(let members):
      return .dictionary(try members.map { (key: $0.key, value: try resolved($0.value)) })
    case .opaque(let type):
      throw WeighbridgeError(.unsupported, "the recording holds no \(type), which is used here")
    }
  }
}

extension BoundOperand {
  /// The containers of a returned value, with descriptors where tensors are, as far as the operand tells:
  /// what a step gives is taken for one tensor. `nil` for numbers, which only a run gives.
  var form: Value? {
    switch self {
    case .literal(let value): return value
    case .value, .parameter, .item, .member:
      return .tensor(Tensor(describing: .float32, shape: []))
    case .list(let items):
      let forms = items.compactMap(\.form)
      return forms.count == items.count ? .list(forms) : nil
    case .dictionary(let members):
      let forms = members.compactMap { member in
        member.value.form.map { (key: member.key, value: $0) }
      }
      return forms.count == members.count ? .dictionary(forms) : nil
    case .size, .operation, .slice, .opaque: return nil
    }
  }
}
