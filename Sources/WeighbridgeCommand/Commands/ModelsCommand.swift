import ArgumentParser
import Weighbridge
import WeighbridgeWeights

/// `weighbridge models`: the architectures and what they are made of.
struct ModelsCommand: JSONCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "List the architectures, or what one of them is made of.",
    discussion: """
      With an id: its configuration keys and their defaults. With values too: the state dict of that \
      configuration, one line per tensor: name, shape, dtype, P for a parameter or B for a buffer, \
      with tabs between.

      EXAMPLES
        \(Tool.name) models
        \(Tool.name) models vit
        \(Tool.name) models vit --config depth=12 --config heads=16
        \(Tool.name) models se_resnet50 --parameters --json
      """)

  @Argument(help: "The architecture.", completion: .models()) var id: String?
  @Option(
    help: ArgumentHelp("A configuration value; repeatable.", valueName: "key=value"),
    completion: .configurationKeys)
  var config: [String] = []
  @Flag(help: "Print the state dict of the default configuration.") var parameters = false
  @OptionGroup var json: JSONFlag

  func run() throws {
    let console = json.console
    let overrides = try ModelOptions.pairs(config)
    guard let id else {
      guard overrides.isEmpty, !parameters else {
        throw WeighbridgeError(
          .usage, "--config and --parameters need an architecture",
          remedy: "For example \(Tool.name) models vit --parameters")
      }
      try list(console)
      return
    }
    let architecture = try Tool.current.registry.architecture(id)
    var configuration = architecture.defaults
    for (name, text) in overrides {
      guard let key = configuration.keys.first(where: { $0.name == name }) else {
        // Reports the known keys.
        try configuration.set(name, .none, origin: .given)
        continue
      }
      try configuration.set(name, key.parse(text), origin: .given)
    }
    let wantsLedger = parameters || !overrides.isEmpty
    if wantsLedger { try requireValues(configuration) }
    let description = ArchitectureDescription(
      architecture: architecture, configuration: configuration,
      ledger: wantsLedger
        ? try architecture.ledger(configuration) : try? architecture.ledger(configuration))
    if json.isSet {
      try console.print(json: .answer(of: "models", description.json.objectMembers))
    } else {
      try console.say(
        description.lines(width: Terminal.width(), withParameters: wantsLedger)
          .joined(separator: "\n"))
    }
  }

  /// - Throws: `usage` when a key that decides the parameters has no value yet, with all of them.
  private func requireValues(_ configuration: Configuration) throws {
    let open = configuration.keys.filter { configuration.entries[$0.name] == nil }
    guard !open.isEmpty else { return }
    let keys = open.map { "\($0.name) (\($0.summary))" }.joined(separator: ", ")
    throw WeighbridgeError(
      .usage,
      "how many parameters \(configuration.architecture) has, and their shapes, depend on "
        + "\(keys), which has no default",
      remedy: "Add "
        + open.map { "--config \($0.name)=<\($0.kind.words)>" }.joined(separator: " "))
  }

  private func list(_ console: Console) throws {
    let descriptions = Tool.current.registry.architectures.map { architecture in
      ArchitectureDescription(
        architecture: architecture, configuration: architecture.defaults,
        ledger: try? architecture.ledger(architecture.defaults))
    }
    if json.isSet {
      try console.print(
        json: .answer(of: "models", [.init("models", .array(descriptions.map(\.shortJSON)))]))
      return
    }
    var table = Table(columns: [
      .init(title: "id"), .init(title: "parameters", alignment: .right),
      .init(title: "what it is", shrinks: true, isProse: true),
    ])
    table.rows = descriptions.map {
      [
        $0.architecture.id, $0.ledger.map { $0.parameterCount.grouped } ?? "–",
        $0.architecture.summary,
      ]
    }
    let lines = table.lines(width: Terminal.width())
    try console.say(
      (lines + ["", "`\(Tool.name) models <id>` shows an architecture's configuration."])
        .joined(separator: "\n"))
  }
}

/// An architecture with values for its keys, to be shown.
struct ArchitectureDescription {
  let architecture: any Architecture.Type
  let configuration: Configuration
  /// `nil` when keys without a default have no value.
  let ledger: Ledger?

  func lines(width: Int, withParameters: Bool) -> [String] {
    var lines = ["\(architecture.id): \(architecture.summary)"]
    if !architecture.keys.isEmpty {
      var table = Table(columns: [
        .init(title: "key"), .init(title: "value"), .init(title: "takes", shrinks: true),
        .init(title: "from"), .init(title: "what it is", shrinks: true, isProse: true),
      ])
      table.rows = architecture.keys.map { key in
        [
          key.name, configuration.entries[key.name]?.value.description ?? "–", key.kind.words,
          key.isInferred ? "shapes" : "--config", key.summary,
        ]
      }
      lines += [""] + table.lines(width: width)
    }
    guard let ledger else {
      return lines + ["", "Values for the keys without one, as --config key=value, show the rest."]
    }
    if withParameters {
      lines += [""] + ledger.requests.map { $0.manifestLine.escapingForTerminalKeepingTabs() }
    }
    let buffers = ledger.requests.filter(\.isBuffer).count
    lines.append("")
    lines.append(
      "\(ledger.parameterCount.counted("parameter")) in "
        + "\((ledger.requests.count - buffers).counted("tensor")), and \(buffers.counted("buffer"))"
    )
    return lines
  }

  var shortJSON: JSONDocument {
    .members([
      "id": .string(architecture.id), "summary": .string(architecture.summary),
      "parameters": ledger.map { .integer($0.parameterCount) } ?? .null,
      "keys": keys,
    ])
  }

  var json: JSONDocument {
    .members([
      "id": .string(architecture.id), "summary": .string(architecture.summary), "keys": keys,
      "config": configuration.json,
      "parameter_count": ledger.map { .integer($0.parameterCount) } ?? .null,
      "parameters": ledger.map { .array($0.requests.map(\.json)) } ?? .null,
    ])
  }

  private var keys: JSONDocument {
    .array(
      architecture.keys.map { key in
        .members([
          "name": .string(key.name), "takes": .string(key.kind.words),
          "default": key.defaultValue?.json ?? .null, "required": .boolean(key.defaultValue == nil),
          "inferred": .boolean(key.isInferred), "summary": .string(key.summary),
        ])
      })
  }
}
