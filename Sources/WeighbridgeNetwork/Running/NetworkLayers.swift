/// The modules of a recorded network that this package has as layers, and what its tensors are to the
/// functions that read them: what a writer of Swift knows of a network beside its programs.
package struct NetworkLayers: Sendable {
  /// Layers from one tensor to one, by node, without their weights.
  package let layers: [Int: any UnaryModule]
  /// Multi-head attention whose weights are not asked for, by node.
  package let attentions: [Int: MultiheadAttention]
  private let uses: TensorUses

  /// - Throws: What describing the modules throws.
  package init(_ network: Network) throws {
    var found: NetworkBuilder?
    _ = try WeightScope.describe { scope in
      var builder = NetworkBuilder(network, scope, isLenient: true)
      try builder.bindTensors()
      found = builder
    }
    layers = found?.layers ?? [:]
    attentions = found?.attentions.mapValues(\.layer) ?? [:]
    uses = found?.uses ?? TensorUses(network)
  }

  /// Whether a tensor is read at all, by its full name.
  package func isRead(_ name: String) -> Bool { uses.contains(name) }

  /// What a tensor is to the functions that read it.
  package func role(
    of name: String, _ description: Network.TensorDescription
  ) -> ParameterRole {
    uses.role(of: name, description)
  }

  /// The places of query, key, value and masks among the inputs of attention's program.
  package static func attentionPlaces(_ program: Network.Program) -> [String: Int] {
    Dictionary(
      program.inputs.enumerated().filter { $1.expected == nil }.map { ($1.name, $0) },
      uniquingKeysWith: { first, _ in first })
  }
}
