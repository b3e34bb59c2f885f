import ArgumentParser
import Weighbridge

/// What shells complete values by.
extension CompletionKind {
  /// Names of files, of any kind: formats are known by their content.
  static var files: CompletionKind { .file() }

  /// The architectures that the tool knows, and `more`.
  static func models(_ more: String...) -> CompletionKind {
    .list(more + Tool.current.registry.architectures.map { $0.id })
  }

  /// `key=` for every configuration key of the architecture that the command line names, else of all.
  static var configurationKeys: CompletionKind {
    .custom { words, _, _ in configurationCandidates(words) }
  }

  /// The candidates after these words of a command line.
  static func configurationCandidates(_ words: [String]) -> [String] {
    let architectures = Tool.current.registry.architectures
    let named = architectures.filter { architecture in
      words.contains(architecture.id) || words.contains("--model=\(architecture.id)")
    }
    var seen: Set<String> = []
    return (named.isEmpty ? architectures : named).flatMap { $0.keys }.flatMap { key -> [String] in
      switch key.kind {
      case .choice(let values): values.map { "\(key.name)=\($0)" }
      case .boolean: ["\(key.name)=true", "\(key.name)=false"]
      case .integer, .number, .optionalInteger, .optionalNumber: ["\(key.name)="]
      }
    }.filter { seen.insert($0).inserted }
  }
}
