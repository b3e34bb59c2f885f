import WeighbridgeModules
import WeighbridgeWeights

/// What a recorder saw beside the values: under which dtypes they were made, what chance had a part
/// in, and the classes of the modules. All of it is optional in a file.
public struct RecordingConditions: Sendable, Hashable {
  /// The dtypes of tensors that are stored wider than they were, by entry: `activations/conv1`.
  public private(set) var dtypes: [String: DType] = [:]
  /// The dtype of autocast, where it was on.
  public private(set) var autocast: DType?
  /// What differed between two float32 runs in PyTorch: `layer1.0.drop`, `relu#1`, `outputs/0`.
  public private(set) var notRepeatable: Set<String> = []
  /// PyTorch's class of each module by path, fully qualified; the root's path is "".
  public private(set) var classes: [String: String] = [:]
  /// What the metadata names and is not known, which is not used: `activations/x (e2)`.
  package private(set) var unknownDTypes: [String] = []

  package init() {}

  /// - Parameter members: The metadata's members of these names.
  /// - Throws: `malformed` when one has another type than the recorder writes.
  package init(_ members: [String: JSONDocument]) throws {
    var unknown: [String] = []
    for (name, text) in try RecordingConditions.texts(members["dtypes"], "dtypes") {
      if let dtype = RecordingConditions.dtype(text) {
        dtypes[name] = dtype
      } else {
        unknown.append("\(name) (\(text))")
      }
    }
    switch members["autocast"] {
    case nil, .null?, .boolean(false)?: break
    case .string(let text)?:
      autocast = RecordingConditions.dtype(text)
      if autocast == nil { unknown.append("autocast (\(text))") }
    default: throw RecordingConditions.malformed("autocast", "the name of a dtype")
    }
    unknownDTypes = unknown.sorted().map { String($0.prefix(80)) }
    switch members["not_repeatable"] {
    case nil, .null?: break
    case .array(let names)?:
      for name in names {
        guard case .string(let text) = name else {
          throw RecordingConditions.malformed("not_repeatable", "a list of names")
        }
        notRepeatable.insert(text)
      }
    default: throw RecordingConditions.malformed("not_repeatable", "a list of names")
    }
    classes = try RecordingConditions.texts(members["classes"], "classes")
  }

  /// The same under the names that modules have without wrappers. Of a wrapper's class and that of the
  /// module in it, the module's is kept.
  ///
  /// - Throws: `malformed` when two names become one and say different things.
  package func unwrapped(_ wrappers: RecordedPaths) throws -> RecordingConditions {
    guard wrappers.changedCount > 0 else { return self }
    var copy = self
    copy.dtypes = [:]
    for (entry, dtype) in dtypes {
      let name = RecordingConditions.unwrapped(entry, wrappers)
      if let other = copy.dtypes.updateValue(dtype, forKey: name), other != dtype {
        throw RecordingConditions.malformed(
          "dtypes", "of one mind about \(name), once wrappers are taken off")
      }
    }
    copy.notRepeatable = Set(
      notRepeatable.map { $0.hasPrefix("outputs/") ? $0 : wrappers.name($0) })
    // The longer name is the inner module's.
    copy.classes = Dictionary(
      classes.sorted { $0.key.utf8.count < $1.key.utf8.count }.map {
        (wrappers.path($0.key), $0.value)
      }, uniquingKeysWith: { _, inner in inner })
    return copy
  }

  /// The name of an entry, without wrappers where it is an activation's.
  private static func unwrapped(_ entry: String, _ wrappers: RecordedPaths) -> String {
    guard let name = RecordedName(entry: entry) else { return entry }
    return "\(name.part)/\(wrappers.path(name.path))\(name.rest)"
  }

  /// The last component of a module's class: `Conv2d`.
  public func className(of path: ModulePath) -> String? {
    classes[path.name]?.split(separator: ".").last.map(String.init)
  }

  /// A member that is an object of texts; empty where it is missing or null.
  ///
  /// - Throws: `malformed` for anything else.
  static func texts(_ document: JSONDocument?, _ member: String) throws -> [String: String] {
    switch document {
    case nil, .null?: return [:]
    case .object(let members)?:
      return try Dictionary(
        members.map { entry in
          guard let text = entry.value.stringValue else {
            throw malformed(member, "an object of texts")
          }
          return (entry.key, text)
        }, uniquingKeysWith: { first, _ in first })
    default: throw malformed(member, "an object of texts")
    }
  }

  /// A floating-point dtype by PyTorch's name, with or without `torch.`.
  private static func dtype(_ text: String) -> DType? {
    switch text.hasPrefix("torch.") ? String(text.dropFirst(6)) : text {
    case "bfloat16": .bfloat16
    case "float16", "half": .float16
    case "float32", "float": .float32
    case "float64", "double": .float64
    case "float8_e4m3fn": .float8E4M3
    case "float8_e5m2": .float8E5M2
    default: nil
    }
  }

  private static func malformed(_ member: String, _ expected: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, "the metadata's \(member) is not \(expected)", entry: "metadata",
      remedy: "Record the reference again, or leave \(member) out")
  }
}
