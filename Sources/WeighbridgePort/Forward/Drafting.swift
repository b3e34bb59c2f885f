import WeighbridgeNetwork

/// Writes drafts of modules' forwards.
enum Drafting {
  /// The draft of a module that is run function by function.
  ///
  /// - Parameter optional: Names of members that others of the class lack.
  static func draft(
    _ node: Int, _ recording: Recording, _ parts: [Int: Part], optional: Set<String> = []
  ) -> Draft {
    let layout = Layout(node, recording, parts)
    let described = recording.network.nodes[node]
    let calls = distinct(recording.calls[node] ?? [])
    let number = calls.first?.program ?? described.calls.first ?? 0
    let program = recording.network.programs[number]
    if let limit = limit(described.path, program, recording.network) {
      return stub(node, layout, recording, program, calls.first, limit)
    }
    guard let first = calls.first else {
      return stub(
        node, layout, recording, program, nil,
        PortLimit("was not run, because something before it cannot be run here"))
    }
    guard let site = recording.site(node, first.program) else {
      return stub(node, layout, recording, program, first, PortLimit("is not called"))
    }
    func interface(_ call: NetworkObservation.Call) -> Interface {
      Drafting.interface(
        program, call.values, returned: call.returned, names: recording.names[node] ?? [:])
    }
    let own = interface(first)
    do {
      let (lines, writer) = try written(
        recording, parts, layout, site, first.values, own, optional)
      for other in calls.dropFirst() {
        guard let site = recording.site(node, other.program) else { continue }
        let (also, _) = try written(
          recording, parts, layout, site, other.values,
          interface(other), optional)
        guard also == lines else {
          throw PortLimit("is called in several ways, by one module")
        }
      }
      let parameter = own.inputs == .tensor ? parameterName(program, first.values) : "input"
      return Draft(
        node: node, layout: writer.layout, interface: own, lines: lines,
        attributes: writer.attributes.filter { Drafting.mentions(lines, $0.name) },
        constants: writer.constants, limit: nil,
        parameter: parameter, needsFoundation: lines.contains { $0.contains("pow(") })
    } catch var limit as PortLimit {
      if limit.place == nil { limit.place = program.place }
      limit.module = described.path
      return stub(node, layout, recording, program, first, limit)
    } catch {
      return stub(node, layout, recording, program, first, PortLimit("\(error)"))
    }
  }

  /// Whether lines of code have a name in them.
  private static func mentions(_ lines: [String], _ name: String) -> Bool {
    lines.contains { line in
      line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.contains { $0 == name }
    }
  }

  /// What a recording says of a module that could not be expressed, or a function that cannot be run.
  private static func limit(
    _ path: String, _ program: Network.Program, _ network: Network
  ) -> PortLimit? {
    // Other batches and sizes are refused where the network begins.
    if let said = network.limits.first(where: {
      $0.module == path && !["batch", "size"].contains($0.kind)
    }) {
      var limit = PortLimit(said.text)
      limit.place = said.place
      return limit
    }
    for instruction in program.body {
      let name: String
      switch instruction.target {
      case .function(let known):
        if Vocabulary.function(known)?.run != nil { continue }
        name = known
      case .unknown(let unknown): name = unknown
      case .module: continue
      }
      var limit = PortLimit("calls \(name.prefix(80)), which this package does not have")
      limit.place = instruction.place ?? program.place
      return limit
    }
    return nil
  }

  private static func written(
    _ recording: Recording, _ parts: [Int: Part], _ layout: Layout, _ site: Network.Call,
    _ forms: [Value], _ interface: Interface, _ optional: Set<String>
  ) throws -> ([String], ForwardWriter) {
    var writer = ForwardWriter(recording, parts, layout, site, forms, interface)
    writer.optional = optional
    try writer.write()
    return (writer.lines(), writer)
  }

  /// A forward that throws.
  private static func stub(
    _ node: Int, _ layout: Layout, _ recording: Recording, _ program: Network.Program,
    _ call: NetworkObservation.Call?, _ limit: PortLimit
  ) -> Draft {
    var limit = limit
    limit.module = recording.network.nodes[node].path
    if limit.place == nil { limit.place = program.place }
    let place = limit.place.map { Names.comment($0.description).suffix(60) } ?? "its Python"
    let reason = Names.comment(limit.reason).prefix(64)
    let line =
      "throw WeighbridgeError(.unsupported, \(Code.string("not ported: \(reason)").text), "
      + "remedy: \(Code.string("Write by hand what \(place) does").text))"
    let interface =
      call.map {
        Drafting.interface(
          program, $0.values, returned: $0.returned, names: recording.names[node] ?? [:])
      }
      ?? Interface(
        inputs: program.inputs.count { $0.expected == nil } == 1 ? .tensor : .list,
        outputs: .tensor)
    return Draft(
      node: node, layout: layout, interface: interface, lines: [line], attributes: [],
      constants: [], limit: limit,
      parameter: interface.inputs == .tensor ? "x" : "input", needsFoundation: false)
  }

  /// Calls that differ in program or in what kinds of values they have.
  private static func distinct(_ calls: [NetworkObservation.Call]) -> [NetworkObservation.Call] {
    var seen: Set<String> = []
    return calls.filter { call in
      seen.insert("\(call.program):" + call.values.map(signature).joined(separator: ",")).inserted
    }
  }

  private static func signature(_ value: Value) -> String {
    switch value {
    case .tensor(let tensor): "t\(tensor.rank)\(tensor.dtype)"
    case .list(let items): "[\(items.map(signature).joined(separator: ","))]"
    case .dictionary(let members): "{\(members.map { signature($0.value) }.joined(separator: ","))}"
    default: value.kind
    }
  }

  // Literals

  static func literal(_ operand: Network.Operand, dtype: DType? = nil) throws -> Value {
    switch operand {
    case .none: return .none
    case .boolean(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .text(let value), .function(let value): return .text(value)
    case .ellipsis: return .ellipsis
    case .list(let items): return .list(try items.map { try literal($0, dtype: dtype) })
    case .dtype(let name):
      let short: [String: DType] = [
        "half": .float16, "float": .float32, "double": .float64, "long": .int64, "int": .int32,
        "short": .int16,
      ]
      guard let known = DType(rawValue: name) ?? short[name] else {
        throw PortLimit("uses the dtype \(name.prefix(20))")
      }
      return .dtype(known)
    default: throw PortLimit("uses a value that was not recorded")
    }
  }

  /// Whether an attribute is a number, or a list of whole ones: what becomes a property.
  static func isNumeric(_ value: Value) -> Bool {
    switch value {
    case .integer, .number: true
    case .list(let items):
      !items.isEmpty && items.count <= 16
        && items.allSatisfy { if case .integer = $0 { true } else { false } }
    default: false
    }
  }
}

extension Recording {
  /// A call of a node by a program, with the calls that it makes.
  func site(_ node: Int, _ program: Int) -> Network.Call? { sites[[node, program]] }
}

extension Layout {
  /// Text with the names of properties as they are written beside these variables.
  static func resolved(_ text: String, besides names: Set<String>) -> String {
    var result = ""
    var parts = text.split(separator: Character(mark), omittingEmptySubsequences: false)[...]
    result += parts.popFirst() ?? ""
    for part in parts {
      let name = part.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
      result += (names.contains(String(name)) ? "self." : "") + part
    }
    return result
  }
}
