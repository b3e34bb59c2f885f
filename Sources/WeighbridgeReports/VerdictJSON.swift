import WeighbridgeCauses
import WeighbridgeComparison
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeVerdicts
import WeighbridgeWeights

extension Verdict {
  /// The verdict as a JSON document; its members' names are an interface.
  package var json: JSONDocument {
    let result = result ?? ParityResult()
    return .members([
      "schema_version": .integer(Verdict.schemaVersion),
      "verdict": .string(passes ? "pass" : "fail"),
      "exit_code": .integer(Int(exitStatus)),
      "headline": .string(Headline.line(self)),
      "error": failure.map { .string($0.description) } ?? .null,
      "model": .string(model),
      "config": configuration?.json ?? .object([]),
      "mapping": mappingJSON,
      "first_divergence": result.firstDivergence.map { .string($0.divergenceName) } ?? .null,
      "diagnoses": .array(result.diagnoses.map(\.json)),
      "undiagnosed": .strings(result.undiagnosed.map(\.description)),
      "python": .array(result.pythonPlaces.map(\.json)),
      "uncovered": .strings(result.uncovered),
      "unreferenced": .strings(result.unreferenced),
      "layers": .array(result.layers.map(\.json)),
      "outputs": .array(result.outputs.map(\.json)),
      "production": .members([
        "status": .string(result.productionStatus.rawValue),
        "outputs": .array(result.production.map(\.json)),
      ]),
      "coverage": result.coverage?.json ?? .null,
      "unseen": .strings(result.reach?.unseen.map(\.name) ?? []),
      "reach": result.reach?.json ?? .null,
      "precision": result.blindness?.json ?? .null,
      "gaps": .strings(result.gaps.map(\.description)),
      "other_differences": .strings(result.differences),
      "seconds": result.seconds.json,
      "hints": .strings(hints),
      "notes": .strings(result.notes),
      "environment": environment.json,
    ])
  }
}

extension LayerVerdict {
  /// The module's path, or the output's or input's name.
  var divergenceName: String { isOfModule ? path.name : name }

  fileprivate var json: JSONDocument {
    .members([
      "path": .string(divergenceName),
      "call": .integer(call),
      "item": item.map { .integer($0) } ?? .null,
      "kind": .string(kind),
      "shape": .array(shape.map { .integer($0) }),
      "recorded_shape": recordedShape.map { .array($0.map { .integer($0) }) } ?? .null,
      "reshape": reshaping.map { .string($0.step) } ?? .null,
      "status": .string(status.rawValue),
      "reason": reason.map { .string($0) } ?? .null,
      "max_abs": .optional(cumulative?.figures.maxAbs),
      "rms": .optional(cumulative?.figures.rms),
      "max_rel": .optional(cumulative?.figures.maxRel),
      "cosine": .optional(cumulative?.figures.cosine),
      "noise_ratio": .optional(cumulative?.judgement.ratio),
      "limit": .optional(cumulative?.judgement.limit),
      "max_ratio": .optional(cumulative?.judgement.largestRatio),
      "max_limit": .optional(cumulative?.judgement.largestLimit),
      "samples": cumulative?.figures.means == nil
        ? .null : .integer(cumulative?.figures.count ?? 0),
      "mean_ratio": .optional(cumulative?.judgement.meanRatio),
      "mean_limit": .optional(cumulative?.judgement.meanLimit),
      "basis": cumulative.map { .string($0.judgement.basis.rawValue) } ?? .null,
      "reference_rms": .optional(cumulative?.figures.referenceRMS),
      "snr_db": .optional(cumulative?.figures.signalToNoise),
      "max_ulp": cumulative.map { .integer(Int(clamping: $0.figures.maxULP)) } ?? .null,
      "worst": cumulative?.figures.worst?.json ?? .null,
      "non_finite": cumulative?.figures.nonFinite.json ?? .null,
      "noise_reference": .optional(recordedNoise?.rms),
      "noise_doubt": cumulative?.judgement.doubt.map { .string($0.rawValue) } ?? .null,
      "noise_bound": .optional(noiseBound),
      "noise_own": .optional(ownNoise?.rms),
      "repeatable": .boolean(isRepeatable),
      "hides": .optional(hides),
      "own_ratio": .optional(ownRatio),
      "local_ratio": .optional(localRatio),
      "isolated": isolated?.json ?? .null,
    ])
  }
}

extension Measurement {
  fileprivate var json: JSONDocument {
    .members([
      "holds": .boolean(holds),
      "max_abs": .number(figures.maxAbs),
      "rms": .number(figures.rms),
      "max_rel": .number(figures.maxRel),
      "cosine": .number(figures.cosine),
      "noise_ratio": .number(judgement.ratio),
      "limit": .number(judgement.limit),
      "max_ratio": .optional(judgement.largestRatio),
      "local_share": .optional(figures.localShare),
      "worst": figures.worst?.json ?? .null,
    ])
  }
}

extension Coverage {
  fileprivate var json: JSONDocument {
    .members([
      "compared": .integer(compared), "recorded": .integer(recorded),
      "modules": .integer(modules), "outputs": .integer(outputs),
      "recorded_outputs": .integer(recordedOutputs), "model_outputs": .integer(modelOutputs),
      "gaps": .strings(gaps.map(\.description)),
    ])
  }
}

extension Reach {
  fileprivate var json: JSONDocument {
    .members([
      "parameters": .integer(parameters.count),
      "values": .integer(parameters.reduce(0) { $0 + $1.count }),
      "unseen_values": .integer(parameters.reduce(0) { $0 + $1.unseenCount }),
      "unseen_share": .number(unseenShare), "change": .number(change),
      "details": .array(
        parameters.filter { $0.standing != .seen }.map {
          .members([
            "parameter": .string($0.name), "standing": .string($0.standing.rawValue),
            "values": .integer($0.count), "unseen_values": .integer($0.unseenCount),
            "reason": $0.reason.map { .string($0) } ?? .null,
          ])
        }),
    ])
  }
}

extension Blindness {
  fileprivate var json: JSONDocument {
    .members([
      "dtype": .string("\(dtype)"), "autocast": autocast.map { .string("\($0)") } ?? .null,
      "tensors": .integer(count), "hides_usually": .number(usual),
      "hides_at_most": .number(largest),
      "at": .string(worst),
    ])
  }
}

extension Figures.Element {
  var json: JSONDocument {
    .members([
      "index": .array(index.map { .integer($0) }), "got": .number(got),
      "reference": .number(reference),
    ])
  }
}

extension Figures.NonFinite {
  fileprivate var json: JSONDocument {
    .members([
      "got_nan": .integer(gotNaN), "got_inf": .integer(gotInfinite),
      "reference_nan": .integer(referenceNaN), "reference_inf": .integer(referenceInfinite),
    ])
  }
}

extension Verdict {
  /// The mapping's report, with the count of matches and the names of dead parameters alone.
  private var mappingJSON: JSONDocument {
    guard let mapping, case .object(let members) = mapping.json else {
      return .members([
        "matched": 0, "missing": .array([]), "unexpected": .array([]), "mismatched": .array([]),
        "dead": .array([]),
      ])
    }
    return .object(
      members.map { member in
        switch member.key {
        case "matched": .init(member.key, .integer(mapping.matched.count))
        case "dead": .init(member.key, .strings(mapping.dead.map(\.name)))
        default: member
        }
      })
  }
}

extension ParityResult.Seconds {
  fileprivate var json: JSONDocument {
    .members([
      "read": .number(read), "bind": .number(bind), "forward": .number(forward),
      "compare": .number(compare), "isolated": .number(isolated), "oracle": .number(oracle),
      "production": .number(production), "reach": .number(reach),
    ])
  }
}

extension RunEnvironment {
  fileprivate var json: JSONDocument {
    .members([
      "engine": .string(engine), "threads": .integer(threads), "processor": .string(processor),
      "system": .string(system), "framework": framework.map { .string($0) } ?? .null,
      "files": .array(
        files.map {
          .members([
            "role": .string($0.role), "path": .string($0.path),
            "sha256": $0.sha256.map { .string($0) } ?? .null,
          ])
        }),
    ])
  }
}

extension JSONDocument {
  /// A number, or null.
  static func optional(_ value: Double?) -> JSONDocument {
    value.map { .number($0) } ?? .null
  }
}

extension Diagnosis {
  fileprivate var json: JSONDocument {
    .members([
      "path": .string(path.name), "call": .integer(call), "kind": .string(kind),
      "layer": .string(layer.description), "certainty": .string(certainty.rawValue),
      "cause": .string(best.cause.kind.rawValue), "text": .string(best.cause.text),
      "noise_ratio_before": .number(ratioBefore), "noise_ratio_after": .optional(best.ratio),
      "fix": best.cause.fix.json, "rivals": .array(rivals.map(\.json)),
      "also": .strings(alikeNames),
    ])
  }
}

extension Diagnosis.Candidate {
  fileprivate var json: JSONDocument {
    .members([
      "cause": .string(cause.kind.rawValue), "text": .string(cause.text),
      "noise_ratio_after": .optional(ratio), "fix": cause.fix.json,
    ])
  }
}

extension Cause.Fix {
  fileprivate var json: JSONDocument {
    .members(["kind": .string(kindName), "text": .string(text)])
  }
}

extension PythonPlace {
  fileprivate var json: JSONDocument {
    .members([
      "module": .string(path.name), "class": .string(className), "place": .string(place),
    ])
  }
}
