import WeighbridgeModules

/// One recorded tensor of a module's call: `layer1.0.relu#2`, and `rnn#1/0` where a call returned
/// several.
public struct ActivationKey: Sendable, Hashable {
  /// The module that was called.
  public var path: ModulePath
  /// How often the path was called before: 0, 1, 2 …
  public var call: Int
  /// Which of several tensors the call returned; `nil` when it returned one.
  public var item: Int?

  /// - Parameters:
  ///   - call: How often the path was called before.
  ///   - item: Which of several tensors the call returned; `nil` when it returned one.
  public init(_ path: ModulePath, call: Int = 0, item: Int? = nil) {
    self.path = path
    self.call = call
    self.item = item
  }

  /// Reads `PATH`, `PATH#CALL`, and either with `/ITEM` after it.
  ///
  /// - Returns: The call's key without item, and the item as it is written; `nil` when there is no
  ///   path or no number after `#`.
  package static func parse(_ text: String) -> (key: ActivationKey, item: String?)? {
    var rest = text[...]
    var item: String?
    if let slash = rest.firstIndex(of: "/") {
      item = String(rest[rest.index(after: slash)...])
      rest = rest[..<slash]
    }
    var call = 0
    if let hash = rest.lastIndex(of: "#") {
      guard let number = index(rest[rest.index(after: hash)...]) else { return nil }
      call = number
      rest = rest[..<hash]
    }
    guard !rest.isEmpty, item != "" else { return nil }
    return (ActivationKey(ModulePath(String(rest)), call: call), item)
  }

  /// A count as files write it: decimal digits alone.
  package static func index(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(text)
  }
}

extension ActivationKey: CustomStringConvertible {
  public var description: String {
    var text = path.name
    if call > 0 { text += "#\(call)" }
    if let item { text += "/\(item)" }
    return text
  }
}

extension ActivationKey: ExpressibleByStringLiteral {
  /// The first call of the module of this path.
  public init(stringLiteral value: String) {
    self.init(ModulePath(value))
  }
}
