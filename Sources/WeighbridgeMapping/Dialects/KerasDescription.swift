import WeighbridgeWeights

/// The layers as Keras describes them beside the weights of a whole model: what shapes cannot tell.
struct KerasDescription: Sendable, Hashable {
  /// The layer whose activation ends the model, unless one follows that is an activation.
  let last: String

  init(endingIn last: String) { self.last = last }

  /// With what a file's description says of the model's end. A file of weights alone says nothing: there
  /// the usual end is assumed.
  ///
  /// - Parameter carried: The texts beside the tensors: `config` in a `.keras`, `model_config` in a `.h5`.
  func refined(
    _ statement: Dialect.Statement, by carried: [String: String]
  ) -> Dialect.Statement {
    var refined = statement
    guard let function = function(carried) else {
      refined.assumed.insert("softmax")
      return refined
    }
    refined.configuration["softmax"] = function == "softmax" ? "true" : "false"
    if function != "softmax", function != "linear" {
      refined.notes.append(
        "the file's model ends in \(function), which is not computed here: the output is the logits"
      )
    }
    return refined
  }

  /// The function that the model ends in.
  private func function(_ carried: [String: String]) -> String? {
    for text in ["config", "model_config"].compactMap({ carried[$0] }) {
      guard let model = try? JSONDocument(parsing: text) else { continue }
      var found: String?
      visitLayers(of: model) { kind, configuration in
        if configuration["name"] == .string(last), let activation = configuration["activation"] {
          found = Self.name(activation)
        } else if found == "linear", kind == "Softmax" {
          found = "softmax"
        } else if found == "linear", kind == "Activation",
          let activation = configuration["activation"]
        {
          found = Self.name(activation)
        }
      }
      if let found { return found }
    }
    return nil
  }

  /// Every layer in order, also those of models that are layers.
  private func visitLayers(
    of model: JSONDocument, _ body: (_ kind: String, _ configuration: JSONDocument) -> Void
  ) {
    guard let own = model["config"], case .array(let layers)? = own["layers"] else { return }
    for layer in layers {
      guard let configuration = layer["config"] else { continue }
      body(layer["class_name"]?.stringValue ?? "", configuration)
      visitLayers(of: layer, body)
    }
  }

  /// A function by its name, or an object that is one.
  private static func name(_ activation: JSONDocument) -> String {
    activation.stringValue ?? activation["config"]?.stringValue
      ?? activation["class_name"]?.stringValue?.lowercased() ?? "a function of its own"
  }
}
