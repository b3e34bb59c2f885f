import Testing
import WeighbridgeModels
import WeighbridgeModules

/// Weights made from the request's name: the same name has the same values in every run. Names in
/// `values` have those instead, and names in `absent` are not there.
struct MadeWeights: WeightSource {
  var values: [String: Tensor] = [:]
  var absent: @Sendable (String) -> Bool = { _ in false }

  func contains(_ name: String) -> Bool { !absent(name) }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    if let value = values[request.name] { return value }
    guard !absent(request.name) else {
      throw WeighbridgeError(.mapping, "there is no such tensor", entry: request.name)
    }
    if request.role == .counter { return try Tensor(repeating: Int64(1), shape: request.shape) }
    var state = request.name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    let isVariance = request.name.hasSuffix("running_var")
    let elements = (0..<request.shape.elementCount).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let unit = Double(state >> 11) * 0x1p-53
      return isVariance ? unit + 0.5 : unit - 0.5
    }
    return try Tensor(elements, shape: request.shape)
  }
}

/// Weights that are zero everywhere and take no memory, to build full-size models with.
struct ZeroWeights: WeightSource {
  func contains(_ name: String) -> Bool { true }

  func tensor(for request: ParameterRequest) throws -> Tensor {
    try Tensor(repeating: 0 as Float, shape: request.shape)
  }
}

extension Architecture {
  /// The model with these weights.
  static func bound(
    _ given: [String: ConfigurationValue] = [:], to source: some WeightSource,
    dtype: DType = .float64
  ) throws -> Self {
    let configuration = try configuration(StateDictShapes([:]), given)
    return try WeightScope.bind(source, dtype: dtype) { try Self($0, configuration) }
  }
}

/// Values that go up and down without a pattern that a layout could hide in.
func wave(_ shape: Shape) throws -> Tensor {
  try Tensor(
    (0..<shape.elementCount).map { ((Double($0) * 0.7391).remainder(dividingBy: 2)) }, shape: shape)
}
