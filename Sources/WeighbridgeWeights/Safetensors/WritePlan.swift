import WeighbridgeTensors

/// A tensor to be written: what a writer must know before the first byte.
public struct TensorDescription: Sendable, Hashable {
  /// The name that the file is to have.
  public let name: String
  /// The dtype in which it is written.
  public let dtype: DType
  /// The extents, outermost axis first.
  public let shape: Shape

  /// The size of the elements in bytes.
  public var byteCount: Int { shape.elementCount * dtype.byteCount }

  /// What a writer must know of one tensor; the elements come later.
  public init(name: String, dtype: DType, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}

/// Which tensors a writer still expects: each planned one once, and as planned.
package struct WritePlan {
  package let tensors: [TensorDescription]
  private let positions: [ExactText: Int]
  private var missing: Set<Int>
  private let path: String

  /// - Throws: `usage` when two tensors have one name or a name is empty.
  package init(_ tensors: [TensorDescription], path: String) throws {
    self.tensors = tensors
    self.path = path
    missing = Set(tensors.indices)
    var positions: [ExactText: Int] = [:]
    for (position, tensor) in tensors.enumerated() {
      guard !tensor.name.isEmpty,
        positions.updateValue(position, forKey: ExactText(tensor.name)) == nil
      else {
        throw WeighbridgeError(
          .usage, tensor.name.isEmpty ? "a tensor has no name" : "two tensors have this name",
          file: path, entry: tensor.name)
      }
    }
    self.positions = positions
  }

  /// Takes a tensor off the plan and returns its position.
  ///
  /// - Throws: `usage` when it is not planned, or was added, or differs from the plan.
  package mutating func take(_ name: String, _ tensor: Tensor) throws -> Int {
    guard let position = positions[ExactText(name)], missing.remove(position) != nil else {
      throw WeighbridgeError(
        .usage, "the tensor was not announced or is added twice", file: path, entry: name)
    }
    let planned = tensors[position]
    guard planned.dtype == tensor.dtype, planned.shape == tensor.shape else {
      throw WeighbridgeError(
        .usage,
        "\(planned.dtype) \(planned.shape) was announced, \(tensor.dtype) \(tensor.shape) is added",
        file: path, entry: name)
    }
    return position
  }

  /// - Throws: `usage` when planned tensors have not been added.
  package func checkComplete() throws {
    guard let position = missing.min() else { return }
    throw WeighbridgeError(
      .usage, "\(missing.count) announced tensors were not added", file: path,
      entry: tensors[position].name)
  }
}
