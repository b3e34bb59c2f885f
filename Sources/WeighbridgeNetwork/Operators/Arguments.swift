/// The arguments of one call, by their names.
package struct Arguments: Sendable {
  let function: Function
  let values: [Value]
  let context: ComputeContext

  subscript(name: String) -> Value {
    guard let index = function.parameters.firstIndex(of: name), index < values.count else {
      return .none
    }
    return values[index]
  }

  func wrong(_ name: String) -> WeighbridgeError {
    WeighbridgeError(.unsupported, "\(function.name) with \(name) = \(self[name].shown)")
  }

  /// Whether an argument was left out or None.
  func isNone(_ name: String) -> Bool {
    if case .none = self[name] { true } else { false }
  }

  // Tensors

  func tensor(_ name: String) throws -> Tensor {
    guard case .tensor(let tensor) = self[name] else { throw wrong(name) }
    return tensor
  }

  func optionalTensor(_ name: String) throws -> Tensor? {
    isNone(name) ? nil : try tensor(name)
  }

  /// A tensor of floating-point numbers; integers become the dtype that the model runs in.
  func floating(_ name: String) throws -> Tensor {
    let tensor = try tensor(name)
    return tensor.dtype.isFloatingPoint ? tensor : try tensor.converted(to: context.dtype)
  }

  /// Tensors in a list, which may be one within a list.
  func tensors(_ name: String) throws -> [Tensor] {
    guard case .list(var items) = self[name] else { throw wrong(name) }
    if items.count == 1, case .list(let inner) = items[0] { items = inner }
    return try items.map { item in
      guard case .tensor(let tensor) = item else { throw wrong(name) }
      return tensor
    }
  }

  // Numbers

  func integer(_ name: String) throws -> Int {
    guard let value = self[name].asInteger else { throw wrong(name) }
    return value
  }

  func integer(_ name: String, default value: Int) throws -> Int {
    isNone(name) ? value : try integer(name)
  }

  func number(_ name: String) throws -> Double {
    guard let value = self[name].asNumber else { throw wrong(name) }
    return value
  }

  func number(_ name: String, default value: Double) throws -> Double {
    isNone(name) ? value : try number(name)
  }

  /// A flag; None is false.
  func flag(_ name: String) throws -> Bool {
    switch self[name] {
    case .boolean(let value): return value
    case .integer(let value): return value != 0
    case .none: return false
    default: throw wrong(name)
    }
  }

  func text(_ name: String) throws -> String {
    guard case .text(let value) = self[name] else { throw wrong(name) }
    return value
  }

  /// Whole numbers, of which one may stand alone. A list within a list is that list.
  func integers(_ name: String) throws -> [Int] {
    guard let found = Arguments.integers(self[name]) else { throw wrong(name) }
    return found
  }

  private static func integers(_ value: Value) -> [Int]? {
    if let one = value.asInteger { return [one] }
    guard case .list(let items) = value else { return nil }
    if items.count == 1, case .list = items[0] { return integers(items[0]) }
    let found = items.compactMap(\.asInteger)
    return found.count == items.count ? found : nil
  }

  /// Axes: None is all of them.
  func axes(_ name: String, of tensor: Tensor) throws -> [Int] {
    let given = isNone(name) ? Array(0..<tensor.rank) : try integers(name)
    return given.isEmpty ? Array(0..<tensor.rank) : given
  }

  /// Height and width, which may be one number.
  func pair(_ name: String, default value: Int? = nil) throws -> Pair<Int> {
    if isNone(name), let value { return Pair(value) }
    let found = try integers(name)
    switch found.count {
    case 1: return Pair(found[0])
    case 2: return Pair(found[0], found[1])
    default: throw wrong(name)
    }
  }

  /// One number, alone or in a list.
  func single(_ name: String, default value: Int? = nil) throws -> Int {
    if isNone(name) || (try? integers(name))?.isEmpty == true, let value { return value }
    guard let found = try integers(name).first, try integers(name).count == 1 else {
      throw wrong(name)
    }
    return found
  }

  // Dtypes

  /// A dtype; `nil` for None.
  func dtype(_ name: String = "dtype") throws -> DType? {
    switch self[name] {
    case .none: return nil
    case .dtype(let dtype): return dtype
    default: throw wrong(name)
    }
  }

  /// - Throws: `unsupported`, naming the argument, unless it is what it must be.
  func require(_ condition: Bool, _ name: String) throws {
    guard condition else { throw wrong(name) }
  }
}

extension Value {
  /// Its text in a message.
  var shown: String {
    switch self {
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let value): "'\(value.shortened())'"
    case .dtype(let dtype): "\(dtype)"
    default: kind
    }
  }
}

extension Arguments {
  /// Two operands in one dtype, as PyTorch combines tensors and numbers: a number takes a tensor's
  /// dtype, but a fraction beside integers makes both floating-point.
  func operands(_ first: String, _ second: String) throws -> (Tensor, Tensor) {
    let pair = [self[first], self[second]]
    let tensors = pair.compactMap { value -> Tensor? in
      if case .tensor(let tensor) = value { tensor } else { nil }
    }
    guard let like = tensors.first else { throw wrong(first) }
    let (a, b) = (try made(pair[0], like, first), try made(pair[1], like, second))
    guard a.dtype != b.dtype, a.dtype.isFloatingPoint, b.dtype.isFloatingPoint else {
      return (a, b)
    }
    // A tensor of no axes gives way, else the wider dtype is taken.
    let wide =
      (a.rank == 0) == (b.rank == 0)
      ? (a.dtype.byteCount >= b.dtype.byteCount ? a.dtype : b.dtype)
      : (a.rank == 0 ? b.dtype : a.dtype)
    return (try a.converted(to: wide), try b.converted(to: wide))
  }

  /// A tensor, or a number as one of no axes beside a tensor.
  private func made(_ value: Value, _ like: Tensor, _ name: String) throws -> Tensor {
    switch value {
    case .tensor(let tensor): return tensor
    case .boolean(let flag):
      let dtype: DType = like.dtype
      return try Tensor.full([], flag ? 1 : 0, dtype: dtype)
    case .integer(let number):
      let dtype: DType = like.dtype == .bool ? .int64 : like.dtype
      return try Tensor.full([], Double(number), dtype: dtype)
    case .number(let number):
      let dtype = like.dtype.isFloatingPoint ? like.dtype : context.dtype
      return try Tensor(repeating: number, shape: []).converted(to: dtype)
    default: throw wrong(name)
    }
  }
}
