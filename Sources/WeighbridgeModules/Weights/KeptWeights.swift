import Synchronization

/// What a model was bound to, kept so that it can be built again with some tensors changed and nothing
/// read again. The tensors are the model's own: keeping them takes no memory.
public final class KeptWeights: Sendable {
  private struct State {
    var requests: [ParameterRequest] = []
    var tensors: [String: Tensor] = [:]
  }

  private let state = Mutex(State())

  /// Empty until a model is bound with it.
  public init() {}

  /// Everything that was asked for, in order.
  public var requests: [ParameterRequest] { state.withLock { $0.requests } }

  /// The tensor that a parameter was bound to.
  public subscript(name: String) -> Tensor? { state.withLock { $0.tensors[name] }?.widened }

  func keep(_ request: ParameterRequest, _ tensor: Tensor) {
    state.withLock { state in
      state.requests.append(request)
      state.tensors[request.name] = tensor
    }
  }

  /// The same tensors with some of them changed.
  func changing(_ changed: [String: Tensor]) -> any WeightSource {
    ChangedWeights(tensors: state.withLock { $0.tensors }.merging(changed) { $1 })
  }
}

private struct ChangedWeights: WeightSource {
  let tensors: [String: Tensor]

  func contains(_ name: String) -> Bool { tensors[name] != nil }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    guard let tensor = tensors[request.name] else {
      throw WeighbridgeError(.mapping, "was not kept", entry: request.name)
    }
    return tensor
  }
}

/// A model's parameters, and how it is built again with other values in some of them.
public struct Rebinding {
  private let kept: KeptWeights
  private let build: (WeightScope) throws -> any Module

  /// - Parameters:
  ///   - kept: Filled when the model was bound.
  ///   - build: The model's initialiser.
  public init(_ kept: KeptWeights, _ build: @escaping (WeightScope) throws -> any Module) {
    self.kept = kept
    self.build = build
  }

  /// What the model asked for, in order.
  public var requests: [ParameterRequest] { kept.requests }

  /// The tensor that a parameter is bound to.
  public subscript(name: String) -> Tensor? { kept[name] }

  /// The model with some parameters changed, by their full names.
  ///
  /// - Throws: What the initialiser throws.
  public func changing(_ tensors: [String: Tensor]) throws -> any Module {
    try WeightScope.bind(kept.changing(tensors), build)
  }
}
