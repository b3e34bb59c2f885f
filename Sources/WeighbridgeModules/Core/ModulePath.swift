/// Where a module stands in its model, in PyTorch's notation: `layer1.0.se.fc.2`. The model itself
/// has the empty path.
public struct ModulePath: Sendable, Hashable, Comparable {
  /// The path in dots; empty for the model itself.
  public let name: String

  /// A path from its text in dots, which is taken as it is.
  public init(_ name: String) {
    self.name = name
  }

  /// The model itself.
  public static let root = ModulePath("")

  /// The path of a child, or the full name of one of this module's parameters.
  public static func / (parent: ModulePath, child: some CustomStringConvertible) -> ModulePath {
    parent.name.isEmpty ? ModulePath("\(child)") : ModulePath("\(parent.name).\(child)")
  }

  /// The path of the enclosing module; `nil` for the model itself.
  public var parent: ModulePath? {
    guard !name.isEmpty else { return nil }
    guard let dot = name.lastIndex(of: ".") else { return .root }
    return ModulePath(String(name[..<dot]))
  }

  /// By the text, so that `layer1.10` comes before `layer1.2`.
  public static func < (a: ModulePath, b: ModulePath) -> Bool { a.name < b.name }
}

extension ModulePath: CustomStringConvertible {
  public var description: String { name.isEmpty ? "the model" : name }
}

extension ModulePath: ExpressibleByStringLiteral {
  /// A path from a literal, `"layer1.0.se"`.
  public init(stringLiteral value: String) {
    self.init(value)
  }
}
