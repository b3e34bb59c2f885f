import WeighbridgeMapping
import WeighbridgeWeights

extension Alignment {
  /// The rules with what they rest on, as a file for `--rules`.
  public var rulesText: String {
    var lines = ["# \(model): \(summary)"]
    for one in open {
      let taken = one.taken.map { "; '\($0)' is taken" } ?? ""
      lines.append("# not decided: \(one.parameter): \(one.reason)\(taken)")
    }
    let head = lines.map { $0.escapingControlCharacters() + "\n" }.joined()
    return head + rules.yaml
  }

  /// `76 parameters: 70 by proof, 2 by shape; 4 not decided`.
  public var summary: String {
    let total = matches.count + open.count
    let decided = counts.map { "\($0.count) by \($0.decision.rawValue)" }
    var text = "\(total) parameters and buffers"
    if !decided.isEmpty { text += ": \(decided.joined(separator: ", "))" }
    if !open.isEmpty { text += "; \(open.count) not decided" }
    return text
  }

  package var json: JSONDocument {
    .members([
      "model": .string(model), "config": configuration.json, "complete": .boolean(isComplete),
      "matched": .array(matches.map(\.json)), "undecided": .array(open.map(\.json)),
      "counters": .integer(counters), "unused": .array(unused.map { .string($0) }),
      "counts": .object(counts.map { .init($0.decision.rawValue, .integer($0.count)) }),
      "notes": .array(notes.map { .string($0) }), "rules": .string(rulesText),
    ])
  }
}

extension Alignment.Match {
  fileprivate var json: JSONDocument {
    .members([
      "parameter": .string(parameter), "shape": .array(shape.map { .integer($0) }),
      "sources": .array(sources.map { .string($0) }),
      "transform": transform.map { .string($0) } ?? .null,
      "decided_by": .string(decision.rawValue), "remark": remark.map { .string($0) } ?? .null,
    ])
  }
}

extension Alignment.Open {
  fileprivate var json: JSONDocument {
    .members([
      "parameter": .string(parameter), "shape": .array(shape.map { .integer($0) }),
      "reason": .string(reason), "candidates": .array(candidates.map { .string($0) }),
      "taken": taken.map { .string($0) } ?? .null,
    ])
  }
}
