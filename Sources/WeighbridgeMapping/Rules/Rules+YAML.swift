import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights
import Yams

extension Rules {
  /// Reads rules from a YAML file.
  ///
  /// A list, applied in order, each item a map with one rule:
  ///
  /// ```yaml
  /// - rename: {tensor: head.weight, to: fc.weight}
  /// - rename: {prefix: backbone., to: ""}
  /// - rename: {regex: 'block(\d+)\.(.*)', to: 'layer$1.$2'}
  /// - transpose: {tensor: fc.weight}                  # the last two axes; or axes: [0, 1]
  /// - permute: {regex: '.*conv\d\.weight', axes: [3, 2, 0, 1]}
  /// - reshape: {tensor: cls_token, shape: [1, 1, -1]}
  /// - split: {regex: '(.*)\.qkv\.weight', axis: 0, into: [$1.q.weight, $1.k.weight, $1.v.weight]}
  /// - concatenate: {regex: '(.*)\.q\.weight', with: [$1.k.weight, $1.v.weight], axis: 0,
  ///                 into: $1.qkv.weight}
  /// - stack: {tensor: code.0, with: [code.1], axis: 0, into: codewords}
  /// - flip: {tensor: conv1.weight, axis: 1}           # BGR to RGB
  /// - cast: {prefix: head., dtype: f32}
  /// - weight_norm: {regex: '(.*)\.weight_v', magnitude: $1.weight_g, into: $1.weight}
  /// - spectral_norm: {regex: '(.*)\.weight_orig', u: $1.weight_u, v: $1.weight_v, axis: 0,
  ///                   into: $1.weight}
  /// - drop: {prefix: optimizer., reason: the optimizer's state}
  /// ```
  ///
  /// A rule names its tensors by `tensor` (one name), `prefix` (names that begin so) or `regex` (names
  /// that it matches as a whole; `$1` … are its groups). Names are the file's, as `inspect` prints
  /// them. `split` takes `sizes` for unequal parts. `optional: true` lets a rule match nothing.
  ///
  /// - Throws: `unreadable`, or `malformed` naming the file and the line.
  public static func read(_ path: String) throws -> Rules {
    let map = try MappedFile(path: path)
    let text: String? = map.withBytes { bytes in
      bytes.count > RulesTextCheck.largest ? nil : String(validating: bytes, as: UTF8.self)
    }
    guard let text else {
      throw WeighbridgeError(
        .malformed, "is no rules file: not text of at most 4 MB", file: path,
        remedy: "\(Setting.command("map --help")) shows the format")
    }
    return try Rules(yaml: text, file: path)
  }

  /// The rules in YAML text.
  ///
  /// - Throws: `malformed` naming the file and the line.
  public init(yaml text: String, file: String = "rules") throws {
    try RulesTextCheck.check(text, file: file)
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw RulesParser.syntaxError(error, file: file)
    }
    guard let root, root.null == nil || root.sequence != nil else {
      self.init()
      return
    }
    self.init(try RulesParser(file: file).rules(root))
  }
}

private struct RulesParser {
  let file: String

  static func syntaxError(_ error: YamlError, file: String) -> WeighbridgeError {
    let (message, line): (String, Int?) =
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        (problem, mark.line)
      case .duplicatedKeysInMapping(let keys, let context):
        ("the key \(keys.sorted().joined(separator: ", ")) is there twice", context.mark.line)
      case .reader(let problem, _, _, _): (problem, nil)
      default: ("cannot be read as YAML", nil)
      }
    return WeighbridgeError(
      .malformed, "is not YAML: \(message)", file: line.map { "\(file):\($0)" } ?? file)
  }

  func rules(_ root: Node) throws -> [Rule] {
    var root = root
    if let mapping = root.mapping, let inner = root["rules"] {
      guard mapping.count == 1 else { throw failure(root, "has keys beside 'rules'") }
      root = inner
    }
    guard let items = root.sequence else {
      throw failure(root, "is no list of rules", "Begin every rule with '- '")
    }
    return try items.map(rule)
  }

  private func rule(_ node: Node) throws -> Rule {
    guard let pair = node.mapping?.first, node.mapping?.count == 1,
      let keyword = pair.key.scalar?.string
    else {
      throw failure(node, "a rule is a map with one key, the rule's name")
    }
    let fields = try RuleFields(pair.value, keyword: keyword, parser: self)
    let action = try action(keyword, fields, at: pair.key)
    let isOptional = try fields.boolean("optional") ?? false
    try fields.finish()
    return Rule(action, isOptional: isOptional, location: place(pair.key))
  }

  private func action(
    _ keyword: String, _ fields: RuleFields, at node: Node
  ) throws -> Rule.Action {
    switch keyword {
    case "rename": return .rename(try fields.pattern(), to: try fields.text("to"))
    case "permute": return .permute(try fields.pattern(), axes: try fields.integers("axes"))
    case "transpose":
      return .transpose(
        try fields.pattern(), axes: try fields.optionalIntegers("axes") ?? [-2, -1])
    case "reshape": return .reshape(try fields.pattern(), shape: try fields.integers("shape"))
    case "split":
      return .split(
        try fields.pattern(), axis: try fields.integer("axis"),
        sizes: try fields.optionalIntegers("sizes"), into: try fields.texts("into"))
    case "concatenate":
      return .concatenate(
        try fields.pattern(), with: try fields.texts("with"), axis: try fields.integer("axis"),
        into: try fields.text("into"))
    case "stack":
      return .stack(
        try fields.pattern(), with: try fields.texts("with"), axis: try fields.integer("axis"),
        into: try fields.text("into"))
    case "flip": return .flip(try fields.pattern(), axis: try fields.integer("axis"))
    case "cast": return .cast(try fields.pattern(), try fields.dtype("dtype"))
    case "weight_norm":
      return .weightNorm(
        try fields.pattern(), magnitude: try fields.text("magnitude"), into: try fields.text("into")
      )
    case "spectral_norm":
      return .spectralNorm(
        try fields.pattern(), u: try fields.text("u"), v: try fields.text("v"),
        axis: try fields.optionalInteger("axis") ?? 0, into: try fields.text("into"))
    case "drop": return .drop(try fields.pattern(), reason: try fields.text("reason"))
    default:
      let known = [
        "rename", "permute", "transpose", "reshape", "split", "concatenate", "stack", "flip",
        "cast", "weight_norm", "spectral_norm", "drop",
      ]
      let hint = Spelling.nearest(keyword, in: known).map { " Did you mean '\($0)'?" } ?? ""
      throw failure(
        node, "there is no rule '\(keyword)'",
        "The rules are \(known.joined(separator: ", ")).\(hint)")
    }
  }

  func failure(_ node: Node, _ message: String, _ remedy: String? = nil) -> WeighbridgeError {
    WeighbridgeError(.malformed, message, file: place(node), remedy: remedy)
  }

  func place(_ node: Node) -> String { node.mark.map { "\(file):\($0.line)" } ?? file }
}

/// The fields of one rule, each to be asked for by name; what is left over is an error.
private final class RuleFields {
  private let node: Node
  private let keyword: String
  private let parser: RulesParser
  private var fields: [String: Node] = [:]

  init(_ node: Node, keyword: String, parser: RulesParser) throws {
    self.node = node
    self.keyword = keyword
    self.parser = parser
    // `transpose: fc.weight` is short for `transpose: {tensor: fc.weight}`.
    if let scalar = node.scalar, !scalar.string.isEmpty {
      fields["tensor"] = node
      return
    }
    guard let mapping = node.mapping else {
      throw parser.failure(node, "\(keyword) takes a map of fields")
    }
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        throw parser.failure(key, "\(keyword): a field's name is text")
      }
      fields[name] = value
    }
  }

  func finish() throws {
    guard let name = fields.keys.sorted().first, let value = fields[name] else { return }
    throw parser.failure(value, "\(keyword) has no field '\(name)'")
  }

  func pattern() throws -> NamePattern {
    let given = ["tensor", "prefix", "regex"].filter { fields[$0] != nil }
    guard given.count == 1 else {
      throw parser.failure(node, "\(keyword) needs one of tensor, prefix, regex")
    }
    let text = try text(given[0])
    switch given[0] {
    case "tensor": return .exact(text)
    case "prefix": return .prefix(text)
    default:
      let pattern = NamePattern.regex(text)
      do {
        _ = try NameMatcher(pattern)
      } catch let error as WeighbridgeError {
        throw parser.failure(node, "\(keyword): \(error.message)")
      }
      return pattern
    }
  }

  func text(_ name: String) throws -> String {
    guard let value = take(name) else { throw missing(name, "text") }
    guard let text = value.scalar?.string else { throw wrong(value, name, "text") }
    return text
  }

  func texts(_ name: String) throws -> [String] {
    guard let value = take(name) else { throw missing(name, "a list of names") }
    guard let items = value.sequence, !items.isEmpty else {
      throw wrong(value, name, "a list of names")
    }
    return try items.map { item in
      guard let text = item.scalar?.string else { throw wrong(item, name, "a list of names") }
      return text
    }
  }

  func integer(_ name: String) throws -> Int {
    guard let value = take(name) else { throw missing(name, "an integer") }
    guard let integer = value.scalar.flatMap({ Int($0.string) }) else {
      throw wrong(value, name, "an integer")
    }
    return integer
  }

  func optionalInteger(_ name: String) throws -> Int? {
    fields[name] == nil ? nil : try integer(name)
  }

  func integers(_ name: String) throws -> [Int] {
    guard let integers = try optionalIntegers(name) else {
      throw missing(name, "a list of integers")
    }
    return integers
  }

  func optionalIntegers(_ name: String) throws -> [Int]? {
    guard let value = take(name) else { return nil }
    guard let items = value.sequence else { throw wrong(value, name, "a list of integers") }
    return try items.map { item in
      guard let integer = item.scalar.flatMap({ Int($0.string) }) else {
        throw wrong(item, name, "a list of integers")
      }
      return integer
    }
  }

  func boolean(_ name: String) throws -> Bool? {
    guard let value = take(name) else { return nil }
    guard let boolean = value.bool else { throw wrong(value, name, "true or false") }
    return boolean
  }

  func dtype(_ name: String) throws -> DType {
    guard let value = take(name) else { throw missing(name, "a dtype such as f32") }
    guard let dtype = value.scalar.flatMap({ DType(userName: $0.string) }) else {
      throw wrong(value, name, "a dtype such as f32")
    }
    return dtype
  }

  private func take(_ name: String) -> Node? { fields.removeValue(forKey: name) }

  private func missing(_ name: String, _ what: String) -> WeighbridgeError {
    parser.failure(node, "\(keyword) needs '\(name)', \(what)")
  }

  private func wrong(_ value: Node, _ name: String, _ what: String) -> WeighbridgeError {
    parser.failure(value, "\(keyword): '\(name)' is \(what)")
  }
}
