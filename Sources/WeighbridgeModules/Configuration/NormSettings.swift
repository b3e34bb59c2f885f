/// The eps of a model's norms, which no state dict tells.
struct NormEpsilon: Sendable, Hashable {
  /// A configuration key, and its value unless that is `none`.
  struct Setting: Sendable, Hashable {
    var key: String
    var value: Double?
  }

  /// Of every two-dimensional `BatchNorm`.
  var batchNorm: Setting?
  /// Of every `LayerNorm`.
  var layerNorm: Setting?

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
  }
}

extension ConfigurationKey {
  /// `bn_eps`: the eps of every BatchNorm.
  public static let batchNormEpsilon = ConfigurationKey(
    "bn_eps", .optionalNumber, default: ConfigurationValue.none,
    "eps of every BatchNorm2d; none: the architecture's own")

  /// `ln_eps`: the eps of every LayerNorm.
  public static let layerNormEpsilon = ConfigurationKey(
    "ln_eps", .optionalNumber, default: ConfigurationValue.none,
    "eps of every LayerNorm; none: PyTorch's 1e-05")
}
