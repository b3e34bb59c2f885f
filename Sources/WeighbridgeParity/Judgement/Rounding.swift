import WeighbridgeModules

/// How much rounding a tensor can have: what it is made of, under which dtypes.
struct Rounding: Sendable, Hashable {
  /// How many numbers were added up on the way to one of its elements, as far as the model's calls
  /// tell; `nil` where nothing ran.
  var terms: Double?
  /// The coarsest dtype on the way to it, its own among them.
  var dtype: DType

  /// The largest share of its RMS that the rounding of so many terms is believed to be.
  ///
  /// Rounding errors of n terms add up like a random walk, to √n roundoffs (Higham, Accuracy and
  /// Stability of Numerical Algorithms, 2002, 2.8); what cancels makes them larger beside their sum,
  /// for which the factor stands.
  func share(_ limits: Limits) -> Double {
    guard let terms else { return NoiseDoubt.rmsShare }
    return min(
      NoiseDoubt.rmsShare,
      limits.cancellation * Limits.unitRoundoff(dtype) * max(1, terms).squareRoot())
  }

  /// The dtype that shows less.
  static func coarser(_ a: DType, _ b: DType) -> DType {
    Limits.unitRoundoff(a) > Limits.unitRoundoff(b) ? a : b
  }
}

extension Rounding {
  /// How many numbers a call adds up for one element of its result, at most.
  ///
  /// With parameters it is their fan-in: the elements of the largest over its first axis, or all of a
  /// vector's. An activation adds nothing. Everything else (pooling, a softmax, what a block does
  /// beside its children) adds along one axis or over an image.
  static func terms<M: Module>(of module: M, _ inputs: [Tensor]) -> Int {
    if module is any ActivationModule { return 1 }
    let weights = Mirror(reflecting: module).children.compactMap { $0.value as? Tensor }
    if !weights.isEmpty {
      return weights.reduce(1) { most, weight in
        max(most, weight.elementCount / (weight.rank > 1 ? max(1, weight.shape[0]) : 1))
      }
    }
    return inputs.reduce(1) { most, input in
      let image = input.shape.dropFirst(2).reduce(1, *)
      return max(most, image, input.shape.max() ?? 1)
    }
  }
}
