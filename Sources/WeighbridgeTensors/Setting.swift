/// What a caller can set or call, as a sentence to a person names it: `"Say which with \(Setting.rules)"`.
///
/// A library is called from Swift and from the command, which has options where Swift has arguments. So
/// a sentence names the thing, and whoever calls says how it is worded: `spelled(_:during:)`. Unless
/// somebody does, it is an argument of Swift.
package enum Setting: Sendable, Hashable {
  /// Which architecture it is; any, without a name.
  case model(String? = nil)
  /// Whose tensors of a file are taken.
  case root(String)
  /// The same, without saying whose.
  case anyRoot
  /// Rules that rename or change tensors.
  case rules
  /// The file of the weights.
  case weights
  /// The recorded reference.
  case reference
  /// A key of the configuration, and its value.
  case configuration(String, String)
  /// The format of a file to write.
  case format(String)
  /// The pictures to run on.
  case pictures
  /// That a pass over a part will do.
  case partialPass
  /// How far off values may be, where 16-bit weights are meant.
  case coarseTolerance
  /// That the model is run in float64 whatever it takes.
  case oracle
  /// That every parameter is tried whatever it takes.
  case reach
  /// That the rules which a verdict suggests are written to a file.
  case suggestedRules
  /// The answer for programs.
  case json
  /// Another command, by its name: `map`.
  case command(String)
}

extension Setting {
  /// Who words settings for the current task.
  @TaskLocal private static var wording: @Sendable (Setting) -> String = { $0.argument }

  /// Runs what has sentences to say, which name settings in the caller's words.
  ///
  /// - Parameter words: A setting in the caller's words.
  package static func spelled<Result>(
    _ words: @escaping @Sendable (Setting) -> String, during body: () throws -> Result
  ) rethrows -> Result {
    try $wording.withValue(words, operation: body)
  }

  /// As arguments, members and functions of Swift.
  private var argument: String {
    switch self {
    case .model(let id): id.map { "`model: \"\($0)\"`" } ?? "`model:`"
    case .root(let name): "`root: \"\(name)\"`"
    case .anyRoot: "`root:`"
    case .rules: "`rules:`"
    case .weights: "`plan(_:model:)`"
    case .reference: "`reference:`"
    case .configuration(let key, let value): "\(key)=\(value)"
    case .format(let name): "the format \(name)"
    case .pictures: "`PictureBatch`"
    case .partialPass: "`allowsPartial`"
    case .coarseTolerance: "`tolerance`"
    case .oracle: "`oracle: .always`"
    case .reach: "`reach: .always`"
    case .suggestedRules: "`fixRules(after:)`"
    case .json: "the JSON document"
    case .command(let name): "`weighbridge \(name)`"
    }
  }
}

extension Setting: CustomStringConvertible {
  /// In the words of whoever calls.
  package var description: String { Setting.wording(self) }
}
