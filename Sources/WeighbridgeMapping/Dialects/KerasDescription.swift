import WeighbridgeCheckpoints
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
    ["config", "model_config"].lazy.compactMap { carried[$0] }
      .compactMap { KerasNetwork(json: $0) }.compactMap(function(of:)).first
  }

  private func function(of network: KerasNetwork) -> String? {
    var found: String?
    for layer in Self.flattened(network) {
      let activation = layer.configuration["activation"]
      if layer.name == last {
        found = activation.map(Self.name)
      } else if found == "linear", layer.kind == "softmax" {
        found = "softmax"
      } else if found == "linear", layer.kind == "activation" {
        found = activation.map(Self.name)
      }
    }
    return found
  }

  /// Every layer in order, also those of models that are layers.
  private static func flattened(_ network: KerasNetwork) -> [KerasNetwork.Layer] {
    network.layers.flatMap { [$0] + ($0.inner.map(flattened) ?? []) }
  }

  /// A function by its name, or an object that is one.
  private static func name(_ activation: JSONDocument) -> String {
    activation.stringValue ?? activation["config"]?.stringValue
      ?? activation["class_name"]?.stringValue?.lowercased() ?? "a function of its own"
  }
}
