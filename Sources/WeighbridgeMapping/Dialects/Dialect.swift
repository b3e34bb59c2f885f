import WeighbridgeModules
import WeighbridgeTensors

/// The names and layouts that a library gives the tensors of an architecture, as rules.
///
/// A dialect is known by names that no other file has; its rules are those that a user would write.
public struct Dialect: Sendable, Hashable {
  /// What it is called: `timm-vit`.
  public let id: String
  /// Whose names they are, for people.
  public let origin: String
  /// The architectures that it is read as.
  public let models: [String]
  /// Names that a file of the dialect has, all of them, behind one lead at most.
  public var markers: [String] { ownMarkers + counted.flatMap(\.markers) }
  private let ownMarkers: [String]
  /// Layers that the library numbers.
  private(set) var counted: [CountedLayers]
  /// The lead under which these very names are the architecture's own.
  let ownLead: String?
  /// What the library computes otherwise than the architecture's defaults, as `--config` takes it.
  public let configuration: [String: String]
  /// What a file's description of its layers says of that.
  let described: KerasDescription?
  /// The rules, as a rules file has them.
  public var rulesText: String { counted.map(\.rules).joined() + ownRules }
  private let ownRules: String

  init(
    _ id: String, of origin: String, models: [String], markers: [String],
    counted: [CountedLayers] = [], ownLead: String? = nil, configuration: [String: String] = [:],
    described: KerasDescription? = nil, rules: String
  ) {
    self.id = id
    self.origin = origin
    self.models = models
    ownMarkers = markers
    self.counted = counted
    self.ownLead = ownLead
    self.configuration = configuration
    self.described = described
    ownRules = rules
  }

  /// More tensors than any file of these libraries has, optimizers and copies included.
  private static let mostTensors = 50_000

  /// The dialects that ship.
  public static let all: [Dialect] =
    visionTransformers + squeezeAndExcitation + inception + kerasInception + detection

  /// The dialect of a file's names; `nil` where they are of none, or of one that is read as another
  /// architecture than the one that is wanted.
  static func recognized(_ names: [String], model: String?) -> (dialect: Dialect, lead: String)? {
    guard names.count <= mostTensors else { return nil }
    let known = Set(names)
    for dialect in all {
      if let model, !dialect.models.contains(model) { continue }
      for lead in dialect.leads(in: names)
      where dialect.ownLead.map({ !lead.hasSuffix($0) }) ?? true {
        let dialect = dialect.counting(names, lead: lead)
        if dialect.markers.allSatisfy({ known.contains(lead + $0) }) { return (dialect, lead) }
      }
    }
    return nil
  }

  /// What may stand before the dialect's names in a file, the shortest first.
  private func leads(in names: [String]) -> [String] {
    var leads = counted.first?.leads(in: names) ?? []
    if let first = ownMarkers.first {
      leads = Set(
        names.lazy.filter { $0 == first || $0.hasSuffix("." + first) }
          .map { String($0.dropLast(first.count)) })
    }
    return leads.sorted { ($0.count, $0) < ($1.count, $1) }
  }

  /// What a file of the dialect is computed with, and who says so.
  struct Statement: Sendable, Hashable {
    var origin: String
    var configuration: [String: String]
    /// The keys that no such file says itself, for which the usual is taken.
    var assumed: Set<String> = []
    var notes: [String] = []
  }

  /// What the library computes otherwise than the architecture's defaults, where a file says more of it.
  ///
  /// - Parameter carried: The texts that travel with the tensors.
  func statement(beside carried: [String: String]) -> Statement {
    let own = Statement(origin: origin, configuration: configuration)
    return described?.refined(own, by: carried) ?? own
  }

  /// With its numbered layers counted from where a file's names begin.
  private func counting(_ names: [String], lead: String) -> Dialect {
    var dialect = self
    for index in counted.indices { dialect.counted[index].count(in: names, lead: lead) }
    return dialect
  }

  /// The rules for names behind a lead.
  ///
  /// - Throws: `malformed` for rules that cannot be read.
  func rules(lead: String) throws -> Rules {
    var rules = try Rules(yaml: rulesText, file: "the dialect \(id)").rules
    for index in rules.indices {
      rules[index].isOptional = true
      rules[index].location = nil
    }
    guard !lead.isEmpty else { return Rules(rules) }
    return Rules([Rule(.rename(.prefix(lead), to: ""), isOptional: true)] + rules)
  }
}
