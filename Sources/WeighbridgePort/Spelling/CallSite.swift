import WeighbridgeNetwork

/// One call of a function that is to be written: its arguments by their names, as expressions.
struct CallSite {
  let function: Function
  let operands: [Held]
  /// What it gave.
  let form: Value
  /// An expression of the dtype that the model runs in.
  let dtype: Code
  /// The dtype in which the network was recorded.
  let recorded: DType
  private let keeper: Keeper

  /// Variables that are made on the way.
  final class Keeper {
    private let isTaken: (String) -> Bool
    private(set) var kept: [(name: String, code: Code)] = []

    init(_ isTaken: @escaping (String) -> Bool) { self.isTaken = isTaken }

    func keep(_ code: Code, as wanted: String) -> Code {
      guard code.isThrowing else { return code }
      if let known = kept.first(where: { $0.code == code }) { return Code(known.name) }
      var (name, number) = (wanted, 2)
      while isTaken(name) || kept.contains(where: { $0.name == name }) {
        name = "\(wanted)\(number)"
        number += 1
      }
      kept.append((name, code))
      return Code(name)
    }
  }

  init(
    function: Function, operands: [Held], form: Value, dtype: Code, recorded: DType,
    keeper: Keeper
  ) {
    (self.function, self.operands, self.form) = (function, operands, form)
    (self.dtype, self.recorded, self.keeper) = (dtype, recorded, keeper)
  }

  /// An expression that stands in another one twice: a name or a property as it is, else a variable.
  func keep(_ code: Code, as wanted: String = "y") -> Code { keeper.keep(code, as: wanted) }

  subscript(name: String) -> Held {
    guard let index = function.parameters.firstIndex(of: name), index < operands.count else {
      return .literal(.none)
    }
    return operands[index]
  }

  func wrong(_ name: String) -> PortLimit {
    PortLimit("calls \(function.name) with \(name) that is \(self[name].form.kind)")
  }

  func isNone(_ name: String) -> Bool { self[name].isNone }

  func require(_ condition: Bool, _ name: String) throws {
    guard condition else { throw wrong(name) }
  }

  /// The result: one tensor.
  func tensor(_ code: Code) -> Held { .code(code, form) }

  // Tensors

  func tensor(_ name: String) throws -> Code {
    guard case .code(let code, .tensor, _) = self[name] else {
      if case .refused(let reason) = self[name] { throw PortLimit(reason) }
      throw wrong(name)
    }
    return code
  }

  /// A tensor's dtype and shape as it was recorded; only the number of its axes is the same in every run.
  func shape(_ name: String) throws -> Tensor {
    guard case .code(_, .tensor(let tensor), _) = self[name] else { throw wrong(name) }
    return tensor
  }

  func rank(_ name: String) throws -> Int { try shape(name).rank }

  func optionalTensor(_ name: String) throws -> Code {
    isNone(name) ? Code("nil") : try tensor(name)
  }

  /// A tensor of floating-point numbers.
  func floating(_ name: String) throws -> Code {
    try shape(name).dtype.isFloatingPoint
      ? tensor(name) : tensor(name).calling("converted", [Argument("to", dtype)])
  }

  func condition(_ name: String) throws -> Code {
    try shape(name).dtype == .bool
      ? tensor(name)
      : tensor(name).calling(
        "compared", [Argument(nil, Code(".notEqual")), Argument(nil, Code("0"))])
  }

  // Numbers

  func integer(_ name: String, default value: Int? = nil) throws -> Code {
    if let value, isNone(name) { return .integer(value) }
    return try self[name].integer()
  }

  func number(_ name: String, default value: Double? = nil) throws -> Code {
    if let value, isNone(name) { return .number(value) }
    return try self[name].number()
  }

  /// A number that is the same in every run.
  func fixed(_ name: String, default value: Int? = nil) throws -> Int {
    if let value, isNone(name) { return value }
    guard let found = self[name].fixed?.asInteger else { throw wrong(name) }
    return found
  }

  func fixedNumber(_ name: String, default value: Double? = nil) throws -> Double {
    if let value, isNone(name) { return value }
    guard let found = self[name].fixed?.asNumber else { throw wrong(name) }
    return found
  }

  func flag(_ name: String) throws -> Bool {
    switch self[name].fixed {
    case .boolean(let value)?: return value
    case .integer(let value)?: return value != 0
    case Value.none?: return false
    default: throw wrong(name)
    }
  }

  func text(_ name: String) throws -> String {
    guard case .text(let value)? = self[name].fixed else { throw wrong(name) }
    return value
  }

  /// Whole numbers, one of which may stand alone; a list within a list is that list.
  func integers(_ name: String) throws -> [Code] { try CallSite.integers(self[name], wrong(name)) }

  private static func integers(_ held: Held, _ wrong: PortLimit) throws -> [Code] {
    switch held {
    case .literal(.list(let values)):
      return try integers(.list(values.map { .literal($0) }), wrong)
    case .list(let items):
      if items.count == 1 {
        switch items[0] {
        case .list, .literal(.list), .code(_, .list, _): return try integers(items[0], wrong)
        default: break
        }
      }
      return try items.map { try $0.integer() }
    case .code(let code, .list(let forms), _):
      return try forms.indices.map { index in
        guard case .integer = forms[index] else { throw wrong }
        return code.item(index)
      }
    default: return [try held.integer()]
    }
  }

  /// The numbers as one array; an attribute's list is itself.
  func array(_ name: String) throws -> Code {
    if case .code(let code, .list(let forms), _) = self[name],
      forms.allSatisfy({ if case .integer = $0 { true } else { false } })
    {
      return code
    }
    return .list(try integers(name))
  }

  func fixedIntegers(_ name: String) throws -> [Int] {
    func flat(_ value: Value) -> [Int]? {
      if let one = value.asInteger { return [one] }
      guard case .list(let items) = value else { return nil }
      if items.count == 1, case .list = items[0] { return flat(items[0]) }
      let found = items.compactMap(\.asInteger)
      return found.count == items.count ? found : nil
    }
    guard let value = self[name].fixed, let found = flat(value) else { throw wrong(name) }
    return found
  }

  /// Axes: None is all of them.
  func axes(_ name: String, of tensor: String) throws -> Code {
    if isNone(name) || (try? fixedIntegers(name))?.isEmpty == true {
      return .list(try (0..<rank(tensor)).map { .integer($0) })
    }
    return try array(name)
  }

  /// Height and width.
  func pair(_ name: String, default value: Int? = nil) throws -> Code {
    if let value, isNone(name) { return .integer(value) }
    let found = try integers(name)
    switch found.count {
    case 1: return CallSite.both(found[0])
    case 2: return found[0] == found[1] ? CallSite.both(found[0]) : pair(found[0], found[1])
    default: throw wrong(name)
    }
  }

  private static func both(_ code: Code) -> Code {
    Int(code.text) != nil ? code : .call("Pair", [Argument(nil, code)])
  }

  func pair(_ height: Code, _ width: Code) -> Code {
    .call("Pair", [Argument(nil, height), Argument(nil, width)])
  }

  func single(_ name: String, default value: Int? = nil) throws -> Code {
    if let value, isNone(name) || (try? fixedIntegers(name))?.isEmpty == true {
      return .integer(value)
    }
    let found = try integers(name)
    guard found.count == 1 else { throw wrong(name) }
    return found[0]
  }

  // Dtypes

  /// The dtype that is asked for, as an expression; `nil` for None.
  func dtype(_ name: String = "dtype") throws -> Code? {
    switch self[name] {
    case .literal(.none): return nil
    case .literal(.dtype(let found)): return written(found)
    default: throw wrong(name)
    }
  }

  /// A dtype as an expression: the network's own is that of the run.
  func written(_ found: DType) -> Code {
    found == recorded && found.isFloatingPoint ? dtype : Code(".\(found)")
  }

  /// `x` in a dtype that is known.
  func converted(_ x: Code, _ from: DType, to name: DType) -> Code {
    if name == .bool, from != .bool, !from.isFloatingPoint {
      return x.calling("compared", [Argument(nil, Code(".notEqual")), Argument(nil, Code("0"))])
    }
    return x.calling("casted", [Argument("to", written(name))])
  }
}
