import Synchronization

/// The names of types, each looked up once: the runtime takes longer for one than a small layer does.
enum TypeNames {
  private static let known = Mutex([ObjectIdentifier: String]())

  static func name(of type: any Any.Type) -> String {
    let key = ObjectIdentifier(type)
    if let name = known.withLock({ $0[key] }) { return name }
    let name = String(describing: type)
    known.withLock { $0[key] = name }
    return name
  }
}
