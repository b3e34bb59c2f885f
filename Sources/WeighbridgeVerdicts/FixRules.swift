import WeighbridgeCauses
import WeighbridgeMapping
import WeighbridgeModules

extension [ParameterChange] {
  /// The changes as rules. Of two parameters that replace each other, the exchange is written once.
  ///
  /// - Parameter source: The name that a parameter has where the rules apply.
  package func rules(_ source: (String) -> String) -> [Rule] {
    var exchanged: Set<Set<String>> = []
    var rules: [Rule] = []
    for change in self {
      let name = source(change.name)
      for step in change.steps {
        switch step {
        case .permute(let axes): rules.append(Rule(.permute(.exact(name), axes: axes)))
        case .reshape(let shape): rules.append(Rule(.reshape(.exact(name), shape: shape)))
        case .flip(let axis): rules.append(Rule(.flip(.exact(name), axis: axis)))
        case .blocks(let order): rules += Self.reordered(name, order)
        case .replacedBy(let other):
          if exchanged.insert([change.name, other]).inserted {
            rules += Self.exchanged(name, source(other))
          }
        }
      }
    }
    return rules
  }

  private static func reordered(_ name: String, _ order: [Int]) -> [Rule] {
    let parts = order.indices.map { "\(name).part\($0)" }
    let moved = order.filter(parts.indices.contains).map { parts[$0] }
    guard let first = moved.first else { return [] }
    return [
      Rule(.split(.exact(name), axis: 0, sizes: nil, into: parts)),
      Rule(
        .concatenate(.exact(first), with: Array<String>(moved.dropFirst()), axis: 0, into: name)),
    ]
  }

  private static func exchanged(_ a: String, _ b: String) -> [Rule] {
    let kept = "\(a).kept"
    return [
      Rule(.rename(.exact(a), to: kept)), Rule(.rename(.exact(b), to: a)),
      Rule(.rename(.exact(kept), to: b)),
    ]
  }
}

extension ParityResult {
  /// The rules that put wrong parameters right, of every layer whose cause is certain.
  ///
  /// - Parameters:
  ///   - existing: The rules that were applied already; the new ones follow them.
  ///   - mapping: Tells the file's name of a parameter.
  public func fixRules(after existing: Rules, mapping: MappingReport?) -> Rules {
    // Rules come before anything else looks at a name: with none so far, names are the file's.
    let sources = Dictionary(
      (existing.isEmpty ? mapping?.matched ?? [] : []).map { ($0.parameter, $0.source) }
    ) { first, _ in first }
    var seen: Set<ParameterChange> = []
    var changes: [ParameterChange] = []
    for diagnosis in diagnoses where diagnosis.certainty == .likely {
      for one in [diagnosis] + diagnosis.alike {
        guard case .parameters(let own) = one.best.cause.fix else { continue }
        changes += own.filter { seen.insert($0).inserted }
      }
    }
    return Rules(existing.rules + changes.rules { sources[$0] ?? $0 })
  }
}
