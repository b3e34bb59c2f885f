import WeighbridgeTensors

extension Setting {
  /// As an option of this command, or a call of it under its own name.
  static let option: @Sendable (Setting) -> String = { setting in
    switch setting {
    case .model(let id): "--model \(id ?? "ID")"
    case .root(let name): "--root \(name)"
    case .anyRoot: "--root"
    case .rules: "--rules"
    case .weights: "--weights"
    case .reference: "--reference"
    case .configuration(let key, let value): "--config \(key)=\(value)"
    case .format(let name): "--format \(name)"
    case .pictures: "--image FILE"
    case .partialPass: "--allow-partial"
    case .coarseTolerance: "--rtol 1e-2 --atol 5e-2"
    case .oracle: "--oracle"
    case .reach: "--reach"
    case .suggestedRules: "--fix-rules"
    case .json: "--json"
    case .command(let words): "`\(Tool.name) \(words)`"
    }
  }
}
