import WeighbridgeWeights

/// The layers as Keras describes them beside the weights of a whole model: what shapes cannot tell.
struct KerasDescription: Sendable, Hashable {
  /// The layer whose activation ends the model.
  let last: String

  init(endingIn last: String) { self.last = last }

  /// With what a file's description says of the model's end; a file of weights alone has none.
  ///
  /// - Parameter carried: The texts beside the tensors: `config` in a `.keras`, `model_config` in a `.h5`.
  func refined(
    _ statement: Dialect.Statement, by carried: [String: String]
  ) -> Dialect.Statement {
    var refined = statement
    guard let activation = activation(carried) else { return refined }
    refined.configuration["softmax"] = activation == "softmax" ? "true" : "false"
    if activation != "softmax", activation != "linear" {
      refined.notes.append(
        "the file's model ends in \(activation), which is not computed here: the output is the logits"
      )
    }
    return refined
  }

  private func activation(_ carried: [String: String]) -> String? {
    for text in ["config", "model_config"].compactMap({ carried[$0] }) {
      guard let model = try? JSONDocument(parsing: text), let config = model["config"],
        case .array(let layers) = config["layers"]
      else { continue }
      let own = layers.lazy.compactMap { $0["config"] }.first { $0["name"] == .string(last) }
      // A function that is the user's own is an object with its name.
      if let own, let activation = own["activation"] {
        return activation.stringValue ?? activation["config"]?.stringValue
          ?? "a function of its own"
      }
    }
    return nil
  }
}
