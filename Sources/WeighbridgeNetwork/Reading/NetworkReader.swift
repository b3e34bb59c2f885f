import WeighbridgeWeights

extension Network {
  /// The version of the format that is read.
  static let version = 1

  /// Reads the text of a recorded network.
  ///
  /// - Parameters:
  ///   - text: UTF-8 bytes of JSON.
  ///   - constant: Gives the values of `constants/N`.
  /// - Throws: `malformed`, naming the place and what is wrong there: a text that breaks the format, names
  ///   what is not there, or is larger than any network's; `unsupported` for another version.
  package init(
    json text: UnsafeRawBufferPointer, constant: (Int) throws -> Tensor
  ) throws {
    do {
      try Bounds.check(text)
      var reader = NetworkReader(try JSONDocument(parsing: text))
      self = try reader.network(constant: constant)
    } catch let error as WeighbridgeError where error.code != .unreadable {
      throw error.located(entry: "network")
    }
  }
}

/// How large a recorded network may be. The largest of the study has 200 kB and 1,600 modules.
enum Bounds {
  static let bytes = 32 << 20
  static let values = 2_000_000
  /// Of a path or a name, in bytes.
  static let name = 2000
  /// Of operands in each other.
  static let depth = 64
  /// Of calls in each other.
  static let calls = 200
  /// Instructions and operands of all calls of a run.
  static let work = 5_000_000

  /// Refuses a text that is too large before anything is made of it: one pass over its bytes.
  static func check(_ text: UnsafeRawBufferPointer) throws {
    guard text.count <= bytes else {
      throw WeighbridgeError(
        .malformed, "the recorded network has \(text.count) bytes; the limit is \(bytes)")
    }
    // A value stands behind each of these; within texts they count too, which does not matter.
    let marks = text.reduce(into: 1) { count, byte in
      if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") {
        count += 1
      }
    }
    guard marks <= values else {
      throw WeighbridgeError(
        .malformed, "the recorded network has more than \(values) values")
    }
  }
}

/// Reads the parts of a network's text by the rules of its schema.
struct NetworkReader {
  let document: JSONDocument
  /// Where the reader is: `program 3, instruction 2`.
  private var places: [String] = []
  private(set) var constantCount = 0

  init(_ document: JSONDocument) { self.document = document }

  mutating func network(constant: (Int) throws -> Tensor) throws -> Network {
    guard case .object = document else { throw failure("it is no JSON object") }
    guard document["format"]?.stringValue == "weighbridge-network" else {
      throw failure("its format is not weighbridge-network")
    }
    guard case .integer(let version)? = document["version"] else {
      throw failure("it has no version")
    }
    guard version == Network.version else {
      throw WeighbridgeError(
        .unsupported,
        "the recorded network is of version \(version); this reads \(Network.version)",
        remedy: "Record it again with the recorder that belongs to this weighbridge")
    }
    let constants = try self.constants(constant)
    constantCount = constants.count
    let nodes = try self.nodes()
    let programs = try list("programs", "program") { try $0.program($1) }
    let arguments = try list("arguments", "argument") { try $0.argument($1, depth: 0) }
    let limits = try list("limits", "limit") { try $0.limit($1) }
    let variations =
      document["variations"] == nil
      ? [] : try list("variations", "variation") { try $0.variation($1) }
    var tree = CallTree(nodes: nodes, programs: programs, constantCount: constantCount)
    return Network(
      framework: try optionalText(document, "framework"), limits: limits, arguments: arguments,
      nodes: nodes, programs: programs, call: try tree.root(argumentCount: arguments.count),
      variations: variations, constants: constants)
  }

  // Errors and places

  func failure(_ what: String) -> WeighbridgeError {
    let place = places.isEmpty ? "" : places.joined(separator: ", ") + ": "
    return WeighbridgeError(
      .malformed, "the recorded network is wrong: \(place)\(what)",
      remedy: "Record it again with record(..., network=True)")
  }

  mutating func at<R>(_ place: String, _ body: (inout NetworkReader) throws -> R) throws -> R {
    places.append(place)
    let result = try body(&self)
    places.removeLast()
    return result
  }

  // Members

  /// A list of the document, item by item.
  mutating func list<Item>(
    _ key: String, _ noun: String, _ read: (inout NetworkReader, JSONDocument) throws -> Item
  ) throws -> [Item] {
    guard let values = document[key]?.arrayValue else { throw failure("\(key) is no list") }
    var items: [Item] = []
    for (index, value) in values.enumerated() {
      items.append(try at("\(noun) \(index)") { try read(&$0, value) })
    }
    return items
  }

  func members(_ value: JSONDocument, _ what: String) throws -> [JSONDocument.Member] {
    guard case .object(let members) = value else { throw failure("\(what) is no object") }
    return members
  }

  func text(_ value: JSONDocument, _ key: String) throws -> String {
    guard let text = value[key]?.stringValue else { throw failure("\(key) is no text") }
    return try named(text)
  }

  func optionalText(_ value: JSONDocument, _ key: String) throws -> String? {
    value[key] == nil ? nil : try text(value, key)
  }

  /// A name of bounded length: names are joined to paths and shown.
  func named(_ text: String) throws -> String {
    guard text.utf8.count <= Bounds.name else {
      throw failure("a name has \(text.utf8.count) bytes; the limit is \(Bounds.name)")
    }
    return text
  }

  func count(_ value: JSONDocument?, _ what: String) throws -> Int {
    guard case .integer(let number)? = value, number >= 0 else {
      throw failure("\(what) is no count")
    }
    return number
  }

  func counts(_ value: JSONDocument?, _ what: String) throws -> [Int] {
    guard let values = value?.arrayValue else { throw failure("\(what) is no list") }
    return try values.map { try count($0, "\(what)'s item") }
  }

  func place(_ value: JSONDocument, defaultFile: String? = nil) throws -> Network.Place? {
    let line = value["line"] == nil ? nil : try count(value["line"], "line")
    guard let file = try optionalText(value, "file") ?? (line == nil ? nil : defaultFile) else {
      return nil
    }
    return Network.Place(file: file, line: line)
  }
}
