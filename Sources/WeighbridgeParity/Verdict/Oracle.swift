import WeighbridgeModules

/// The model in float64, bound once, when it is first needed.
final class Oracle {
  private let bind: () throws -> any Module
  private var bound: Result<any Module, any Error>?

  init(_ bind: @escaping () throws -> any Module) { self.bind = bind }

  /// - Throws: what binding throws, each time.
  func model() throws -> any Module {
    let result = bound ?? Result { try bind() }
    bound = result
    return try result.get()
  }
}
