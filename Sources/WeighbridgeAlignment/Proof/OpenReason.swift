import WeighbridgeModules

/// Why a recording does not decide a parameter.
enum OpenReason: Sendable, Hashable {
  /// Its module was not called when the reference was recorded.
  case notCalled(ModulePath)
  /// What its module was given or gave is not recorded.
  case notRecorded(ModulePath)
  /// No recorded value depends on it, with why.
  case untold(String)
  /// No free tensor can be read as it, or as another parameter of its module.
  case unmatched(ModulePath)
  /// No free tensor gives what was recorded.
  case refuted(ModulePath)
  /// Several give it.
  case several(Int, ModulePath)
  /// More ways than are tried.
  case tooMany(Int)

  /// Whether no recorded value depends on the parameter, so that any tensor serves as well.
  var isIdle: Bool {
    switch self {
    case .notCalled, .untold: true
    case .notRecorded, .unmatched, .refuted, .several, .tooMany: false
    }
  }

  /// Whether names, order and shapes may decide in its place.
  var leavesOpen: Bool {
    if case .refuted = self { false } else { true }
  }
}

extension OpenReason: CustomStringConvertible {
  var description: String {
    switch self {
    case .notCalled(let path): "\(path) was not called when the reference was recorded"
    case .notRecorded(let path): "what \(path) was given or gave is not recorded"
    case .untold(let why): why
    case .unmatched(let path): "no tensor that is free can be read as all that \(path) asks for"
    case .refuted(let path): "no tensor that is free gives \(path)'s recorded output"
    case .several(let count, let path): "\(count) ways give \(path)'s recorded output"
    case .tooMany(.max): "more ways than can be counted"
    case .tooMany(let count): "\(count) ways, more than are tried"
    }
  }
}
