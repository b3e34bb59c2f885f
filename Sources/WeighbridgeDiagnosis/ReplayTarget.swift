import WeighbridgeReferences

/// What a replay ends at. The model's outputs stand under a name that no module can have, so that no
/// module is taken for what contains them.
extension ActivationKey {
  static func output(_ index: Int) -> ActivationKey { ActivationKey("outputs/", item: index) }

  init(_ line: Line) {
    switch line {
    case .module(let key): self = key
    case .input(let index), .output(let index), .production(let index): self = .output(index)
    }
  }

  var isOutput: Bool { path.name == "outputs/" }

  var line: Line { isOutput ? .output(item ?? 0) : .module(self) }
}
