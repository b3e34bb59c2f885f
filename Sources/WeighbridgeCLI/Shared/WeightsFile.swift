import Weighbridge

/// What `--weights`, `--model`, `--config` and `--rules` say together.
struct WeightsFile {
  let path: String?
  let model: ModelOptions
  let rules: String?

  init(_ path: String?, _ model: ModelOptions, rules: String?) {
    self.path = path
    self.model = model
    self.rules = rules
  }

  /// How the file becomes a model. Nothing has been read but headers.
  ///
  /// - Parameter reference: What a reference recorded with the weights says about the model.
  /// - Throws: `usage` when there is neither a file nor a model that needs none, and what opening and
  ///   planning throw.
  func plan(reference: RecordedMetadata? = nil) throws -> ImportPlan {
    let applied = try rules.map { try Rules.read($0) } ?? Rules()
    let overrides = try model.overrides()
    let loader = Loader(.builtIn)
    if let path {
      return try loader.plan(
        Checkpoints.open(path), model: model.identifier, overrides: overrides,
        reference: reference, rules: applied)
    }
    guard let id = model.identifier ?? reference?.model else {
      throw WeighbridgeError(.usage, "neither --weights nor --model is given")
    }
    return try loader.plan(weightless: id, overrides: overrides, reference: reference)
  }
}
