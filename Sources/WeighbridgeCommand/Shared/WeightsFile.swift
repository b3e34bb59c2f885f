import Weighbridge

/// What `--weights`, `--model`, `--config` and `--rules` say together.
struct WeightsFile {
  let path: String?
  let model: ModelOptions
  /// Reads the rules, or gives those that are known.
  private let rules: () throws -> Rules

  init(_ path: String?, _ model: ModelOptions, rules: String?) {
    self.path = path
    self.model = model
    self.rules = { try rules.map { try Rules.read($0) } ?? Rules() }
  }

  init(_ path: String?, _ model: ModelOptions, applying rules: Rules) {
    self.path = path
    self.model = model
    self.rules = { rules }
  }

  /// How the file becomes a model. Nothing has been read but headers.
  ///
  /// - Parameter reference: What a reference recorded with the weights says about the model.
  /// - Throws: `usage` when there is neither a file nor a model that needs none, and what opening and
  ///   planning throw.
  func plan(reference: RecordedMetadata? = nil) throws -> ImportPlan {
    let applied = try rules()
    let overrides = try model.overrides()
    let loader = Loader(Tool.current.registry)
    if let path {
      return try loader.plan(
        Checkpoints.open(path), model: model.identifier, overrides: overrides,
        reference: reference, rules: applied, root: model.root)
    }
    guard model.root == nil else {
      throw WeighbridgeError(
        .usage, "--root is of a checkpoint, and no --weights is given",
        remedy: "Give --weights, or leave --root out")
    }
    guard let id = model.identifier ?? reference?.model else {
      throw WeighbridgeError(
        .usage, "neither --weights nor --model is given",
        remedy: "Give --weights <file>; architectures without weights need --model <id> alone")
    }
    return try loader.plan(weightless: id, overrides: overrides, reference: reference)
  }
}

extension ImportPlan {
  /// - Throws: `mapping`, in one short line, when the names do not map one to one.
  func requireNames() throws {
    if let error = report.error(file: checkpoint.path) { throw error }
  }
}
