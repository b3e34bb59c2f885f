import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

extension Loader {
  /// Which architecture a checkpoint is of.
  ///
  /// - Throws: `mapping` when none or several could be it, with the nearest.
  func identify(
    _ candidates: Candidates, native: RecordedMetadata?, reference: RecordedMetadata?,
    overrides: [(key: String, text: String)], _ notes: inout [String]
  ) throws -> AnyArchitecture {
    if let named = native?.model {
      guard let known = registry.architectures.first(where: { $0.id == named }) else {
        throw unknown(named, file: candidates.checkpoint.path)
      }
      notes.append("\(named), by the file's metadata")
      return known
    }
    var recognized: [AnyArchitecture] = []
    for stateDict in candidates.stateDicts {
      recognized = registry.recognize(stateDict.shapes)
      if !recognized.isEmpty { break }
    }
    if recognized.count > 1 {
      // Names overlap; the one that fits completely is meant.
      let fitting = recognized.filter { fits(candidates, $0, overrides) }
      if fitting.count == 1 { recognized = fitting }
    }
    if let only = recognized.first, recognized.count == 1 {
      notes.append("\(only.id), by names and shapes")
      return only
    }
    let options = recognized.isEmpty ? registry.architectures : recognized
    if let named = reference?.model, let known = options.first(where: { $0.id == named }) {
      notes.append("\(named), by the reference's metadata")
      return known
    }
    if recognized.isEmpty, let only = named(candidates) {
      notes.append("\(only.id), by names alone: shapes differ")
      return only
    }
    throw recognized.isEmpty
      ? unrecognized(candidates) : ambiguous(recognized, file: candidates.checkpoint.path)
  }

  /// The one architecture that has all the names of the checkpoint, and whose names it has all.
  private func named(_ candidates: Candidates) -> (AnyArchitecture)? {
    for stateDict in candidates.stateDicts {
      let names = Set(stateDict.tensors.map(\.name))
      let same = registry.architectures.filter { architecture in
        guard let requests = requests(architecture, stateDict), !requests.isEmpty else {
          return false
        }
        return names.isSubset(of: requests.map(\.name))
          && requests.allSatisfy { $0.isOptional || names.contains($0.name) }
      }
      if let only = same.first, same.count == 1 { return only }
    }
    return nil
  }

  /// What an architecture asks for when a state dict's shapes configure it, as far as they can.
  private func requests(
    _ architecture: AnyArchitecture, _ stateDict: StateDict
  ) -> [ParameterRequest]? {
    var configuration = architecture.defaults
    try? architecture.infer(&configuration, from: stateDict.shapes)
    let inferred = configuration
    return try? WeightScope.describe { scope -> any Module in
      try architecture.build(scope, inferred)
    }.requests
  }

  private func fits(
    _ candidates: Candidates, _ architecture: AnyArchitecture,
    _ overrides: [(key: String, text: String)]
  ) -> Bool {
    let known = Set(architecture.keys.map(\.name))
    let resolver = ConfigurationResolver(
      architecture: architecture, native: nil, reference: nil,
      overrides: overrides.filter { known.contains($0.key) }, file: candidates.checkpoint.path)
    guard let stated = try? resolver.stated().configuration,
      let fit = try? candidates.best({ stateDict, source in
        try resolver.ledger(for: stateDict, stated, source: source).ledger
      })
    else { return false }
    return fit.report.problemCount == 0
  }

  /// What names and shapes resemble is not what the file says it is, and may be configured otherwise.
  private func unknown(_ named: String, file: String) -> WeighbridgeError {
    WeighbridgeError(
      .mapping,
      "says that it is of the architecture '\(named.shortened())', which is not known here",
      file: file,
      remedy: named == AnyArchitecture.recordedID
        ? "It is a recorded network: give the reference that holds that with \(Setting.reference)"
        : "\(Setting.command("models")) lists those that are: say which it is with "
          + "\(Setting.model()). \(Self.own)"
    )
  }

  private func ambiguous(
    _ recognized: [AnyArchitecture], file: String
  ) -> WeighbridgeError {
    WeighbridgeError(
      .mapping, "could be any of \(recognized.map { $0.id }.joined(separator: ", "))", file: file,
      remedy: "Say which with \(Setting.model())")
  }

  private func unrecognized(_ candidates: Candidates) -> WeighbridgeError {
    var text = "no known architecture has these names and shapes"
    let near = nearest(candidates)
    if candidates.stateDicts.first?.tensors.isEmpty ?? true {
      text = "the file holds no tensors"
    } else if !near.isEmpty {
      text += "; nearest: \(near.joined(separator: "; "))"
    }
    return WeighbridgeError(
      .mapping, text, file: candidates.checkpoint.path,
      remedy:
        "Say which with \(Setting.model()); \(Setting.command("models")) lists them. \(Self.own)")
  }

  /// What to do with a network that is none of these.
  private static var own: String {
    "A network of your own is recorded with network=True: \(Setting.model(AnyArchitecture.recordedID)) "
      + "then runs it from its reference, and \(Setting.command("port")) writes it in Swift"
  }

  /// The architectures that share most names with the checkpoint, with what each lacks.
  private func nearest(_ candidates: Candidates) -> [String] {
    var found: [(score: Double, text: String)] = []
    for architecture in registry.architectures {
      var best: (score: Double, text: String)?
      for stateDict in candidates.stateDicts {
        guard let requests = requests(architecture, stateDict), !requests.isEmpty else { continue }
        let wanted = requests.filter { !$0.isOptional }
        let names = Set(stateDict.tensors.map(\.name))
        let absent = wanted.filter { !names.contains($0.name) }
        let shared = wanted.count - absent.count
        let score = Double(shared) / Double(max(wanted.count, names.count))
        guard shared > 0, score > best?.score ?? 0 else { continue }
        let lack = absent.first.map { ", lacks \($0.name)\(absent.count > 1 ? ", …" : "")" } ?? ""
        best = (score, "\(architecture.id) (\(shared) of \(wanted.count) names\(lack))")
      }
      if let best { found.append(best) }
    }
    return found.sorted { $0.score > $1.score }.prefix(3).map(\.text)
  }
}

extension Checkpoint {
  /// - Throws: `mapping` when the file is a reference, and no checkpoint.
  func refuseReference() throws {
    let lead = ["inputs/0", "outputs/0"]
    guard entries.contains(where: { $0.name.isOfReference }),
      entries.allSatisfy({ $0.name.isOfReference })
        || lead.allSatisfy({ name in
          entries.contains { $0.rawPath == name }
        })
    else { return }
    throw WeighbridgeError(
      .mapping, "is a reference of recorded activations, not a checkpoint", file: path,
      remedy: "Give the file with the weights")
  }
}

extension String {
  /// Whether this is a name in a reference file.
  fileprivate var isOfReference: Bool {
    for lead in ["activations", "inputs", "outputs", "noise", "samples"] where hasPrefix(lead) {
      let separator = dropFirst(lead.count).first
      if separator == "/" || separator == "." { return true }
    }
    return false
  }
}
