import WeighbridgeTensors

/// Reads a pickle without running anything: whatever would call a class or a function becomes an
/// object that remembers its name and arguments.
///
/// Source: CPython's `Lib/pickletools.py`, protocols 0 to 5. Each opcode adds a bounded number of
/// values, so work and memory grow with the pickle's length and no faster.
struct PickleMachine {
  private(set) var heap = PickleHeap()
  private var reader: PickleReader
  private var stack: [PickleValue] = []
  /// Where the parts of the stack begin that MARK opened.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  /// How many values were put there by order, kept or not.
  private var memoCount = 0
  private var recalls: PickleRecalls
  /// The last node that something beside its container may name: what comes after it has one owner.
  private var lastShared = -1

  /// Python's own pickler ends at a thousand containers in each other.
  private static let deepest = 10_000

  /// - Parameters:
  ///   - bytes: What holds the pickle; `.bytes` values are ranges of it. It must outlive the machine.
  ///   - start: Where the pickle begins.
  init(_ bytes: UnsafeRawBufferPointer, at start: Int = 0) {
    reader = PickleReader(bytes, at: start)
    recalls = PickleRecalls(reader)
  }

  /// Runs to STOP.
  ///
  /// - Returns: The value, and where the pickle ends.
  /// - Throws: `malformed` for what is no pickle, `unsupported` for opcodes that are not read.
  mutating func run() throws -> (value: PickleValue, end: Int) {
    while true {
      let opcode = try reader.byte()
      if opcode == UInt8(ascii: ".") { return (try pop(), reader.position) }
      try execute(opcode)
      // What no mark gathers is taken one, two or three at a time, so each few lie in the one before.
      guard heap.deepest <= PickleMachine.deepest,
        !marks.isEmpty || stack.count <= 4 * PickleMachine.deepest
      else {
        throw PickleReader.malformed("more than \(PickleMachine.deepest) values lie in each other")
      }
    }
  }

  /// Continues with another pickle behind the first; the heap is kept, stack and memo begin anew.
  mutating func runNext() throws -> (value: PickleValue, end: Int) {
    stack = []
    marks = []
    memo = [:]
    memoCount = 0
    recalls = PickleRecalls(reader)
    // What was kept so far is shared with whoever holds it.
    lastShared = heap.nodes.count - 1
    return try run()
  }

  private mutating func execute(_ opcode: UInt8) throws {
    if let value = try reader.plainValue(opcode) {
      push(value)
      return
    }
    switch opcode {
    case 0x80: _ = try reader.byte()  // PROTO
    case 0x95: _ = try reader.bytes(8)  // FRAME
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): try popOrUnmark()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"): push(shared(try top()))
    case UInt8(ascii: "p"): try keep(as: reader.decimal())
    case UInt8(ascii: "q"): try keep(as: Int(reader.byte()))
    case UInt8(ascii: "r"): try keep(as: reader.length(4))
    case 0x94: try keep(as: recalls.isMixed ? memo.count : memoCount)
    case UInt8(ascii: "g"): push(try recalled(reader.decimal()))
    case UInt8(ascii: "h"): push(try recalled(Int(reader.byte())))
    case UInt8(ascii: "j"): push(try recalled(reader.length(4)))
    case UInt8(ascii: "c"):
      let module = try reader.line()
      push(.global(PickleGlobal(module: module, name: try reader.line())))
    case 0x93:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw PickleReader.malformed("a class is named by what is no text")
      }
      push(.global(PickleGlobal(module: module, name: name)))
    case UInt8(ascii: "P"):
      push(heap.add(.persistent(.text(try reader.line()))))
    case UInt8(ascii: "Q"):
      push(heap.add(.persistent(try pop())))
    default:
      guard try buildContainer(opcode) || buildObject(opcode) else {
        throw WeighbridgeError(
          .unsupported,
          "the pickle has the opcode 0x\(String(opcode, radix: 16)) at byte "
            + "\(reader.position - 1), which is not read",
          remedy: "Save it again with torch.save")
      }
    }
  }

  /// Tuples, lists, dictionaries and sets.
  private mutating func buildContainer(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: ")"): push(heap.add(.tuple))
    case UInt8(ascii: "t"): push(heap.add(.tuple, try popToMark()))
    case 0x85, 0x86, 0x87: push(heap.add(.tuple, try pop(Int(opcode) - 0x84)))
    case UInt8(ascii: "]"): push(heap.add(.list))
    case UInt8(ascii: "l"): push(heap.add(.list, try popToMark()))
    case UInt8(ascii: "}"): push(heap.add(.dictionary))
    case UInt8(ascii: "d"): push(heap.add(.dictionary, try pairs(popToMark())))
    case 0x8f: push(heap.add(.set))
    case 0x91: push(heap.add(.set, try popToMark()))
    case UInt8(ascii: "a"): try extend(pop(1))
    case UInt8(ascii: "e"), 0x90: try extend(popToMark())
    case UInt8(ascii: "s"): try extend(pop(2))
    case UInt8(ascii: "u"): try extend(pairs(popToMark()))
    default: return false
    }
    return true
  }

  /// Whatever a class or function would make.
  private mutating func buildObject(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      try make(try pop(), arguments)
    case 0x92:  // NEWOBJ_EX
      _ = try pop()
      let arguments = try pop()
      try make(try pop(), arguments)
    case UInt8(ascii: "i"):  // INST
      let module = try reader.line()
      let global = PickleGlobal(module: module, name: try reader.line())
      try make(.global(global), heap.add(.tuple, popToMark()))
    case UInt8(ascii: "o"):  // OBJ
      let parts = try popToMark()
      guard let first = parts.first else { throw PickleReader.malformed("an object has no class") }
      try make(first, heap.add(.tuple, Array(parts.dropFirst())))
    case UInt8(ascii: "b"):  // BUILD
      let state = try pop()
      guard case .node(let position) = try top() else {
        throw PickleReader.malformed("a state is given to what is no object")
      }
      heap.setState(state, of: position)
    default: return false
    }
    return true
  }

  private mutating func make(_ callee: PickleValue, _ arguments: PickleValue) throws {
    switch callee {
    case .global(let global):
      push(
        heap.addTensor(global, arguments, after: lastShared)
          ?? heap.add(.object(global, arguments: arguments)))
    case .node(let position):
      // Legacy files keep a module's class outside of the pickle, beside its source text.
      guard case .persistent(let id) = heap.nodes[position].kind,
        let parts = heap.sequence(id), parts.count > 1, parts[0].text == "module",
        case .global(let global) = parts[1]
      else { fallthrough }
      push(heap.add(.object(global, arguments: arguments)))
    default:
      throw PickleReader.malformed("a call is made to what is no class or function")
    }
  }

  /// Appends to the container under the values just taken off the stack.
  private mutating func extend(_ items: [PickleValue]) throws {
    guard case .node(let position) = try top() else {
      throw PickleReader.malformed("items are added to what is no container")
    }
    heap.append(items, to: position)
  }

  private func pairs(_ items: [PickleValue]) throws -> [PickleValue] {
    guard items.count % 2 == 0 else {
      throw PickleReader.malformed("a dictionary has a key without a value")
    }
    return items
  }

  // The stack.

  private mutating func push(_ value: PickleValue) { stack.append(value) }

  private func top() throws -> PickleValue {
    guard let last = stack.last, stack.count > marks.last ?? 0 else { throw Self.underflow }
    return last
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let last = stack.popLast() else { throw Self.underflow }
    return last
  }

  private mutating func pop(_ count: Int) throws -> [PickleValue] {
    guard stack.count - count >= marks.last ?? 0 else { throw Self.underflow }
    let items = Array(stack.suffix(count))
    stack.removeLast(count)
    return items
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw Self.underflow }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private mutating func popOrUnmark() throws {
    if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
  }

  /// Keeps what lies on top under a key, if it is ever asked for.
  private mutating func keep(as key: Int) throws {
    let value = try top()
    memoCount += 1
    if recalls.contains(key) { memo[key] = shared(value) }
  }

  /// A value that something beside its container names from now on.
  private mutating func shared(_ value: PickleValue) -> PickleValue {
    if case .node(let position) = value { lastShared = max(lastShared, position) }
    return value
  }

  private func recalled(_ key: Int) throws -> PickleValue {
    guard let value = memo[key] else {
      throw PickleReader.malformed("it recalls a value \(key) that it has not kept")
    }
    return value
  }

  private static let underflow = PickleReader.malformed("it takes values that are not there")
}
