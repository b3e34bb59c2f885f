import WeighbridgeTensors

/// Pictures as one input of a network.
public struct PictureBatch: Sendable {
  /// `[count, 3, height, width]`, float32.
  public let tensor: Tensor
  /// How they were made.
  public let transform: ImageTransform

  /// Reads and transforms pictures, in their order.
  ///
  /// - Throws: What reading throws, and `shape`, with the file, when they end up in different sizes.
  public init(_ paths: [String], _ transform: ImageTransform) throws {
    var values: [Float] = []
    var shape: Shape?
    for path in paths {
      let picture = try transform.tensor(of: Image(contentsOf: path))
      if let shape, picture.shape != shape {
        throw WeighbridgeError(
          .shape,
          "is \(picture.shape[2]) × \(picture.shape[3]) after the transform, and the first picture "
            + "\(shape[2]) × \(shape[3])",
          file: path, remedy: "End the transform in a crop, or give one picture at a time")
      }
      shape = picture.shape
      values += try picture.elements(as: Float.self)
    }
    guard let shape else {
      throw WeighbridgeError(.usage, "no picture is given", remedy: "Give \(Setting.pictures)")
    }
    tensor = try Tensor(values, shape: [paths.count, 3, shape[2], shape[3]])
    self.transform = transform
  }

  /// How far a recorded input is from these pictures.
  public struct Difference: Sendable, Hashable {
    /// Values that differ in any bit.
    public var count: Int
    /// The largest difference, in steps of 255 before normalising.
    public var steps: Double
  }

  /// - Returns: `nil` when the shapes differ.
  public func difference(from recorded: Tensor) throws -> Difference? {
    guard recorded.shape == tensor.shape else { return nil }
    let (ours, theirs) = (
      try tensor.elements(as: Float.self), try recorded.elements(as: Float.self)
    )
    var deviations: [Float] = [1, 1, 1]
    if case .normalize(let statistics)? = transform.steps.last { deviations = statistics.deviation }
    let plane = tensor.shape[2] * tensor.shape[3]
    var difference = Difference(count: 0, steps: 0)
    for index in ours.indices where ours[index].bitPattern != theirs[index].bitPattern {
      let distance = abs(ours[index] - theirs[index]) * deviations[index / plane % 3] * 255
      difference.count += 1
      difference.steps = max(difference.steps, distance.isNaN ? .infinity : Double(distance))
    }
    return difference
  }
}
