import Weighbridge

/// What `--weights`, `--model`, `--config` and `--rules` say together.
struct WeightsFile {
  let path: String?
  let model: ModelOptions
  /// The path of a reference that may hold the network.
  private let recording: String?
  /// Reads the rules, or gives those that are known.
  private let rules: () throws -> Rules

  init(_ path: String?, _ model: ModelOptions, rules: String?, recording: String? = nil) {
    self.path = path
    self.model = model
    self.recording = recording
    self.rules = { try rules.map { try Rules.read($0) } ?? Rules() }
  }

  init(
    _ path: String?, _ model: ModelOptions, applying rules: Rules, recording: String? = nil
  ) {
    self.path = path
    self.model = model
    self.recording = recording
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
    let checkpoint = try path.map { try Checkpoints.open($0) }
    let loader = Loader(try model.registry(reference: recording, for: checkpoint))
    if let checkpoint {
      return try loader.plan(
        checkpoint, model: model.identifier, overrides: overrides,
        reference: reference, rules: applied, root: model.root)
    }
    guard model.root == nil else {
      throw WeighbridgeError(.usage, "--root is of a checkpoint, and no --weights is given")
    }
    guard let id = model.identifier ?? reference?.model else {
      throw WeighbridgeError(.usage, "neither --weights nor --model is given")
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
