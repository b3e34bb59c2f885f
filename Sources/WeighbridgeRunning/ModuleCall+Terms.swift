import WeighbridgeModules

extension ModuleCall {
  /// How many numbers a call adds up for one element of its result, at most.
  ///
  /// With parameters it is their fan-in: the elements of the largest over its first axis, or all of a
  /// vector's. An activation adds nothing. Everything else (pooling, a softmax, what a block does
  /// beside its children) adds along one axis or over an image.
  package static func terms<M: Module>(of module: M, _ inputs: [Tensor]) -> Int {
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
