/// What a configuration says of a model's norms.
struct NormSettings: Sendable, Hashable {
  /// A configuration key, and its value unless that is `none`.
  struct Setting: Sendable, Hashable {
    var key: String
    var value: Double?
  }

  /// The eps of every two-dimensional `BatchNorm`, which no state dict tells.
  var batchNorm: Setting?
  /// The eps of every `LayerNorm`.
  var layerNorm: Setting?

  /// Whether every `BatchNorm` has a scale; without one it is 1.
  var batchNormScales = true

  init() {}

  init(_ configuration: Configuration) throws {
    func setting(_ key: ConfigurationKey) throws -> Setting? {
      guard configuration.keys.contains(where: { $0.name == key.name }) else { return nil }
      let value = try configuration.optionalNumber(key.name)
      if let value, !(value >= 0 && value < 1) {
        throw WeighbridgeError(
          .usage, "\(key.name) must be from 0 to less than 1, not \(value)")
      }
      return Setting(key: key.name, value: value)
    }
    batchNorm = try setting(.batchNormEpsilon)
    layerNorm = try setting(.layerNormEpsilon)
    let scale = ConfigurationKey.batchNormScale.name
    if configuration.keys.contains(where: { $0.name == scale }) {
      batchNormScales = try configuration.boolean(scale)
    }
  }
}

extension ConfigurationKey {
  /// `bn_eps`: the eps of every BatchNorm.
  public static let batchNormEpsilon = ConfigurationKey(
    "bn_eps", .optionalNumber, default: ConfigurationValue.none,
    "eps of every BatchNorm2d; none: the architecture's own")

  /// `bn_scale`: whether every BatchNorm has a weight.
  public static let batchNormScale = ConfigurationKey(
    "bn_scale", .boolean, default: .boolean(true),
    "whether every BatchNorm has a weight; without, it is 1, as with Keras' scale=False")

  /// `ln_eps`: the eps of every LayerNorm.
  public static let layerNormEpsilon = ConfigurationKey(
    "ln_eps", .optionalNumber, default: ConfigurationValue.none,
    "eps of every LayerNorm; none: PyTorch's 1e-05")
}
