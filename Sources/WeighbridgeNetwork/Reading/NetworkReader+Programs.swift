import WeighbridgeWeights

extension NetworkReader {
  mutating func program(_ value: JSONDocument) throws -> Network.Program {
    _ = try members(value, "it")
    guard let inputs = value["inputs"]?.arrayValue, let body = value["body"]?.arrayValue,
      let returned = value["returns"]
    else { throw failure("it lacks its inputs, its body or what it returns") }
    let place = try self.place(value)
    let read = try inputs.map { input in
      Network.Input(
        name: try text(input, "name"),
        expected: try input["is"].map { try literal($0, "what an input is") })
    }
    var instructions: [Network.Instruction] = []
    for (index, instruction) in body.enumerated() {
      let known = read.count + index
      instructions.append(
        try at("instruction \(index)") { try $0.instruction(instruction, known, place?.file) })
    }
    let total = read.count + body.count
    let guards = try (value["guards"]?.arrayValue ?? []).map { try self.guarded($0, total) }
    return Network.Program(
      className: try text(value, "class"), place: place, inputs: read, body: instructions,
      returns: try operand(returned, total, depth: 0), guards: guards)
  }

  private func instruction(
    _ value: JSONDocument, _ known: Int, _ file: String?
  ) throws -> Network.Instruction {
    let members = try members(value, "it")
    let schema = [
      "call", "module", "from", "arguments", "positional", "in_place", "name", "names", "file",
      "line",
    ]
    if let other = members.first(where: { !schema.contains($0.key) }) {
      throw failure("it has a member \(other.key.shortened(to: 64))")
    }
    guard let given = value["arguments"] else { throw failure("it has no arguments") }
    let arguments = try self.members(given, "its arguments").map {
      (name: try named($0.key), value: try operand($0.value, known, depth: 0))
    }
    for operand in value["positional"]?.arrayValue ?? [] {
      _ = try self.operand(operand, known, depth: 0)
    }
    let names = try value["names"].map { try self.members($0, "names") } ?? []
    return Network.Instruction(
      target: try target(value, arguments.map(\.name)), arguments: arguments,
      name: try optionalText(value, "name"),
      names: try names.map { member in
        guard let name = member.value.stringValue else { throw failure("a name is no text") }
        return (try named(member.key), try named(name))
      },
      isInPlace: value["in_place"] != nil, place: try place(value, defaultFile: file))
  }

  private func target(
    _ value: JSONDocument, _ arguments: [String]
  ) throws -> Network.Instruction.Target {
    let isFromRoot = try fromRoot(value)
    if value["module"] != nil {
      return .module(try text(value, "module"), fromRoot: isFromRoot)
    }
    guard value["call"] != nil else { throw failure("it calls neither a module nor a function") }
    guard !isFromRoot else { throw failure("only modules are called from the root") }
    let name = try text(value, "call")
    guard value["positional"] == nil else { return .unknown(name) }
    guard let known = Vocabulary.function(name) else {
      throw failure("there is no function \(name.shortened(to: 64))")
    }
    guard arguments == known.parameters else {
      throw failure(
        "\(name) takes \(known.parameters.joined(separator: ", ")) and is given "
          + arguments.joined(separator: ", ").shortened())
    }
    return .function(name)
  }

  func fromRoot(_ value: JSONDocument) throws -> Bool {
    guard let from = value["from"] else { return false }
    guard from.stringValue == "root" else { throw failure("from is not root") }
    return true
  }

  private func guarded(_ value: JSONDocument, _ total: Int) throws -> Network.Guard {
    guard let sides = value["of"]?.arrayValue, sides.count == 2,
      case .boolean(let expected)? = value["is"],
      let comparison = try Network.Guard.Comparison(rawValue: text(value, "compare"))
    else { throw failure("a guard is no comparison of two") }
    return Network.Guard(
      comparison: comparison, left: try operand(sides[0], total, depth: 0),
      right: try operand(sides[1], total, depth: 0), expected: expected)
  }
}
