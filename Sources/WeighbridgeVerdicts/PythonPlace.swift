import WeighbridgeModules

/// Where a module's Python is, which a reference with a recorded network tells.
public struct PythonPlace: Sendable, Hashable {
  /// The module, or the nearest one around it that is not PyTorch's own.
  public var path: ModulePath
  /// The full name of its class.
  public var className: String
  /// The file and the line at which its forward begins.
  public var place: String

  public init(path: ModulePath, className: String, place: String) {
    (self.path, self.className, self.place) = (path, className, place)
  }
}
