import WeighbridgeTensors
import WeighbridgeWeights

extension Shape {
  /// The extents as JSON.
  package var json: JSONDocument { .array(dimensions.map { .integer($0) }) }
}

extension MappingReport {
  /// The report as JSON: at least `matched`, `missing`, `unexpected`, `mismatched`, `dead`.
  package var json: JSONDocument {
    .members([
      "one_to_one": .boolean(isOneToOne),
      "root": root.map { .string($0) } ?? .null,
      "copies": .array(
        copies.map { .members(["root": .string($0.root), "tensors": .integer($0.count)]) }),
      "matched": .array(matched.map(\.json)),
      "missing": .strings(missing.map(\.parameter)),
      "unexpected": .strings(unexpected.map(\.source)),
      "mismatched": .array(mismatched.map(\.json)),
      "collisions": .array(
        collisions.map {
          .members(["parameter": .string($0.name), "sources": .strings($0.sources)])
        }
      ),
      "undecided": .array(undecided.map(\.json)),
      "computed": .strings(computed.map(\.yaml)),
      "dialect": .strings(dialect.map(\.yaml)),
      "dead": .array(dead.map(\.json)),
      "dropped": .array(dropped.map(\.json)),
      "suggestions": .array(suggestions.map(\.json)),
      "notes": .strings(notes),
    ])
  }
}

extension MappingReport.Match {
  var json: JSONDocument {
    .members([
      "parameter": .string(parameter), "source": .string(source), "shape": shape.json,
      "dtype": .string(dtype.rawValue), "transform": transform.map { .string($0) } ?? .null,
    ])
  }
}

extension MappingReport.Mismatch {
  var json: JSONDocument {
    .members([
      "parameter": .string(parameter), "source": .string(source), "expected": expected.json,
      "found": found.json, "reason": .string(reason),
    ])
  }
}

extension MappingReport.Undecided {
  var json: JSONDocument {
    .members([
      "parameter": .string(parameter), "source": .string(source), "shape": shape.json,
      "reason": .string(reason), "rules": .strings(rules.map(\.yaml)),
    ])
  }
}

extension MappingReport.Dead {
  var json: JSONDocument { .members(["name": .string(name), "reason": .string(reason)]) }
}

extension MappingReport.Suggestion {
  var json: JSONDocument {
    .members([
      "parameter": .string(parameter), "source": .string(source), "reason": .string(reason),
      "rule": .string(rule.yaml),
    ])
  }
}
