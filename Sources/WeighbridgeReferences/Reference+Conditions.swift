import WeighbridgeModules

extension Reference {
  /// Whether two runs of PyTorch gave an activation the same values, as far as the recorder saw.
  public func isRepeatable(_ key: ActivationKey) -> Bool {
    let chance = conditions.notRepeatable
    guard !chance.isEmpty else { return true }
    let call = ActivationKey(key.path, call: key.call).description
    return !names(of: key).contains(where: chance.contains) && !chance.contains(call)
  }

  /// The same of an output.
  public func isOutputRepeatable(_ index: Int) -> Bool {
    !conditions.notRepeatable.contains("outputs/\(index)")
  }

  /// The dtype that an activation had when it was made, and whether the metadata names another one that
  /// its values deny.
  ///
  /// A file decides about it, and a coarse dtype widens limits: so one that is stored wider must hold
  /// nothing but values of the dtype that is claimed.
  ///
  /// - Throws: when the activation cannot be read.
  package func precision(of key: ActivationKey) throws -> (dtype: DType, isDenied: Bool)? {
    guard let stored = description(of: key)?.dtype else { return nil }
    let claims = names(of: key).lazy.flatMap { ["activations/\($0)", "samples/\($0)"] }
    let claim = claims.compactMap { conditions.dtypes[$0] }.first
    return try Reference.precision(stored, claim) {
      switch try recorded(key) {
      case .whole(let tensor)?: tensor
      case .sampled(let samples)?: samples.values
      case nil: nil
      }
    }
  }

  /// The same of an output.
  package func outputPrecision(_ index: Int) throws -> (dtype: DType, isDenied: Bool) {
    let tensor = try output(index)
    return try Reference.precision(tensor.dtype, conditions.dtypes["outputs/\(index)"]) { tensor }
  }

  private static func precision(
    _ stored: DType, _ claim: DType?, _ tensor: () throws -> Tensor?
  ) throws -> (dtype: DType, isDenied: Bool) {
    guard let claim, stored.isFloatingPoint,
      claim.unitRoundoff > stored.unitRoundoff
    else { return (stored, false) }
    guard let tensor = try tensor(), try tensor.holdsOnly(claim) else { return (stored, true) }
    return (claim, false)
  }

  /// The names that metadata may have for an activation.
  private func names(of key: ActivationKey) -> [String] {
    let recorded = recordedName(of: key)
    return [recorded, recorded.map(wrappers.name), key.description].compactMap(\.self)
  }
}

extension Tensor {
  /// Whether every element is a number of another dtype, or NaN.
  fileprivate func holdsOnly(_ other: DType) throws -> Bool {
    let values = try elements(as: Double.self)
    if let decode = other.eightBitDecoder {
      let numbers = Set((UInt8.min...UInt8.max).map { Double(decode($0)) })
      return values.allSatisfy { numbers.contains($0) || $0.isNaN }
    }
    guard let rounded = try? converted(to: other).elements(as: Double.self) else { return false }
    return zip(values, rounded).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
  }
}

extension DType {
  /// What the bytes of a dtype of eight bits stand for; `nil` for all others.
  fileprivate var eightBitDecoder: ((UInt8) -> Float)? {
    switch self {
    case .float8E4M3: EightBits.float8E4M3
    case .float8E5M2: EightBits.float8E5M2
    default: nil
    }
  }
}
