import WeighbridgeModules
import WeighbridgeNative
import WeighbridgeTensors
import WeighbridgeWeights

/// Finds the values of an architecture's configuration: the defaults, over them what metadata says,
/// over it what the user says; then what shapes determine, which nothing may contradict.
struct ConfigurationResolver {
  let architecture: AnyArchitecture
  /// The metadata of a native file.
  let native: RecordedMetadata?
  let reference: RecordedMetadata?
  let overrides: [(key: String, text: String)]
  /// Texts that travel with the weights.
  var carried: [String: String] = [:]
  /// What the library computes whose names the file has.
  var dialect: Dialect.Statement?
  let file: String

  /// What is known before any shape is looked at.
  struct Stated {
    var configuration: Configuration
    var notes: [String] = []
    /// Values that a native file only assumes and a reference contradicts: whoever loads the file alone
    /// runs another network than the one that is proved.
    var contradictions: [String] = []
    /// Who stated a value, by its key, for people.
    fileprivate var owners: [String: String] = [:]

    fileprivate mutating func set(
      _ name: String, _ value: ConfigurationValue, origin: Configuration.Origin = .metadata,
      of owner: String
    ) throws {
      try configuration.set(name, value, origin: origin)
      owners[name] = owner
    }
  }

  /// Defaults, metadata and the user's values, before any shape is looked at.
  ///
  /// - Throws: `usage` for an unknown key or a value of another kind.
  func stated() throws -> Stated {
    var stated = Stated(configuration: architecture.defaults)
    let others = native == nil ? CarriedConfiguration(carried, stated.configuration.keys) : nil
    stated.notes = (others?.notes ?? []) + (dialect?.notes ?? [])
    if let dialect {
      for (name, text) in dialect.configuration {
        guard let key = stated.configuration.keys.first(where: { $0.name == name }) else {
          continue
        }
        try stated.set(
          name, key.parse(text), origin: dialect.assumed.contains(name) ? .assumed : .metadata,
          of: dialect.origin)
      }
    }
    for (key, value) in others?.values ?? [] {
      try stated.set(key, value, of: "what the file carries")
    }
    var said: Set<String> = []
    // A native file's own configuration is what its weights were exported with.
    for (metadata, owner) in [(reference, "the reference"), (native, "the file")] {
      guard let metadata, metadata.model == nil || metadata.model == architecture.id else {
        continue
      }
      try adopt(metadata, from: owner, &stated, &said)
    }
    for (name, text) in overrides {
      guard let key = stated.configuration.keys.first(where: { $0.name == name }) else {
        // Reports the known keys.
        try stated.configuration.set(name, .none, origin: .given)
        continue
      }
      let value = try key.parse(text)
      var overruled: Configuration.Overruled?
      if let entry = stated.configuration.entries[name], entry.origin == .metadata,
        entry.value != value
      {
        let owner = stated.owners[name] ?? "the metadata"
        stated.notes.append(
          "\(Setting.configuration(name, value.description)) overrules \(name)=\(entry.value) of "
            + owner)
        overruled = Configuration.Overruled(entry.value, of: owner)
      }
      try stated.configuration.set(name, value, origin: .given, overruling: overruled)
    }
    return stated
  }

  private func adopt(
    _ metadata: RecordedMetadata, from owner: String, _ stated: inout Stated,
    _ said: inout Set<String>
  ) throws {
    for (name, document) in metadata.config {
      guard let key = stated.configuration.keys.first(where: { $0.name == name }) else {
        stated.notes.append(
          "\(owner)'s metadata has a key '\(name)', which \(architecture.id) has not")
        continue
      }
      guard let value = try value(of: key, document, owner) else { continue }
      let isSaid = said.contains(name)
      if metadata.assumed.contains(name) {
        // What was assumed once gives way to whoever knows; but a program that loads the file alone
        // has what is written there.
        if !isSaid {
          try stated.set(name, value, origin: .assumed, of: owner)
        } else if let known = stated.configuration.entries[name]?.value, known != value,
          key.hasEffect
        {
          contradict(owner, name, assumed: value, known: known, &stated)
        }
        continue
      }
      if let entry = stated.configuration.entries[name], isSaid, entry.value != value,
        key.hasEffect
      {
        stated.notes.append(
          "\(owner) says \(name)=\(value), the reference \(name)=\(entry.value); "
            + "the weights' own file counts")
      }
      said.insert(name)
      try stated.set(name, value, of: owner)
    }
  }

  private func contradict(
    _ owner: String, _ name: String, assumed: ConfigurationValue, known: ConfigurationValue,
    _ stated: inout Stated
  ) {
    stated.notes.append(
      "\(owner) says \(name)=\(assumed), which was assumed when it was written, and the reference "
        + "\(name)=\(known): a program that loads the file alone computes with \(assumed); convert it "
        + "again with \(Setting.configuration(name, known.description))")
    guard !overrides.contains(where: { $0.key == name }) else { return }
    stated.contradictions.append(
      "\(owner) assumes \(name)=\(assumed) where the reference has \(name)=\(known), so a program "
        + "that loads it computes something else: convert it again with "
        + "\(Setting.configuration(name, known.description))")
  }

  private func value(
    of key: ConfigurationKey, _ document: JSONDocument, _ owner: String
  ) throws -> ConfigurationValue? {
    do {
      return try key.value(of: document)
    } catch var error as WeighbridgeError where error.code == .usage {
      error.code = .malformed
      error.message = "\(owner)'s metadata: \(error.message)"
      throw error
    }
  }

  /// What the model asks for when it is configured by a state dict's shapes.
  ///
  /// - Parameter infers: Whether shapes are believed at all.
  /// - Throws: `mapping` when shapes contradict a stated value or do not tell a needed one, or when
  ///   the file's values break the architecture's rules; `usage` when the user's do.
  func ledger(
    for stateDict: StateDict, _ stated: Configuration, source: any WeightSource,
    infers: Bool = true
  ) throws -> (ledger: Ledger, configuration: Configuration) {
    var configuration = stated
    do {
      let shapes = stateDict.shapes
      if infers { try architecture.infer(&configuration, from: shapes) }
      for key in configuration.keys where key.isInferred && configuration.entries[key.name] == nil {
        throw WeighbridgeError(
          .mapping,
          "nothing in it tells \(key.name) of \(architecture.id): it does not look like one",
          remedy: "\(Setting.command("inspect")) lists its names; "
            + "\(Setting.model("auto")) finds an architecture that fits")
      }
      try architecture.check(configuration)
      let final = configuration
      let ledger = try WeightScope.describe(source: source) { scope -> any Module in
        try architecture.build(scope, final)
      }
      return (ledger, final)
    } catch var error as WeighbridgeError where error.code == .mapping || error.code == .usage {
      guard error.code == .usage else { throw error.located(file: file) }
      let entries = configuration.keys.map { configuration.entries[$0.name] }
      if entries.contains(where: { $0 == nil || $0?.origin == .given }) { throw error }
      // Nobody asked for these values: they are the file's, the metadata's or defaults.
      error.code = .mapping
      error.message += " (with \(configuration))"
      throw error.located(file: file)
    }
  }
}
