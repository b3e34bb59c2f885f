import WeighbridgeTensors

/// Reads the dictionary literal of a NumPy header, and nothing more of Python.
struct PythonLiteralParser {
  private var rest: Slice<UnsafeRawBufferPointer>

  init(_ text: Slice<UnsafeRawBufferPointer>) {
    rest = text
  }

  private func failure(_ what: String) -> WeighbridgeError {
    WeighbridgeError(.malformed, "the NumPy header is wrong: \(what)")
  }

  /// `{'descr': …, 'fortran_order': …, 'shape': …}`, the keys in any order, each once.
  mutating func header(dataOffset: Int) throws -> NPYHeader {
    var elements: NPYHeader.Elements?
    var fortran: Bool?
    var dimensions: [Int]?
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where elements == nil: elements = try elementType()
      case "fortran_order" where fortran == nil: fortran = try boolean()
      case "shape" where dimensions == nil: dimensions = try shape()
      case "descr", "fortran_order", "shape": throw failure("'\(key)' stands twice")
      default: throw failure("there is no key '\(key.prefix(32))'")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard rest.isEmpty else { throw failure("text follows the dictionary") }
    guard let elements, let fortran, let dimensions else {
      throw failure("'descr', 'fortran_order' or 'shape' is missing")
    }
    // Text elements are no tensors, but their bytes must be countable too.
    let shape = try Shape.validated(dimensions, dtype: elements.sizeBound)
    return NPYHeader(
      elements: elements, isFortranOrder: fortran, shape: shape, dataOffset: dataOffset)
  }

  /// A type string, or a list of fields, whose content doesn't matter.
  private mutating func elementType() throws -> NPYHeader.Elements {
    skipSpace()
    guard rest.first != UInt8(ascii: "[") else {
      var depth = 0
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: "]") || byte == UInt8(ascii: ")") { depth -= 1 }
        if depth == 0 { return .other("records with fields (a structured dtype)") }
      }
      throw failure("a list of fields does not end")
    }
    return try NPYHeader.Elements(typeString: string())
  }

  private mutating func shape() throws -> [Int] {
    var dimensions: [Int] = []
    try expect("(")
    while !take(")") {
      dimensions.append(try integer())
      guard dimensions.count <= 64 else { throw failure("the shape has more than 64 axes") }
      if !take(",") {
        try expect(")")
        break
      }
    }
    return dimensions
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    var text = ""
    while let byte = rest.first, byte == UInt8(ascii: "-") || (48...57).contains(byte) {
      text.unicodeScalars.append(Unicode.Scalar(byte))
      rest = rest.dropFirst()
      guard text.utf8.count <= 20 else { break }
    }
    if rest.first == UInt8(ascii: "L") { rest = rest.dropFirst() }  // Python 2's long
    guard let value = Int(text) else { throw failure("'\(text)' is no extent that fits a shape") }
    return value
  }

  private mutating func boolean() throws -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where rest.starts(with: word.utf8) {
      rest = rest.dropFirst(word.utf8.count)
      return value
    }
    throw failure("'fortran_order' is neither True nor False")
  }

  private mutating func string() throws -> String {
    skipSpace()
    guard let quote = rest.popFirst(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw failure("a quoted text is expected") }
    guard let end = rest.firstIndex(of: quote) else { throw failure("a quoted text does not end") }
    let text = rest[rest.startIndex..<end]
    rest = rest[(end + 1)...]
    guard text.count <= 256, !text.contains(UInt8(ascii: "\\")),
      let string = String(validating: text, as: UTF8.self)
    else { throw failure("a quoted text cannot be read") }
    return string
  }

  private mutating func skipSpace() {
    rest = rest.drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard take(character) else { throw failure("'\(character)' is expected") }
  }
}

extension NPYHeader.Elements {
  /// A dtype whose size stands in for the element's when a shape is checked for overflow.
  fileprivate var sizeBound: DType {
    if case .numbers(let dtype, _) = self { dtype } else { .float64 }
  }
}
