/// Tensors in order: what a module takes or returns that has several, whatever containers they were in.
public struct TensorList: TensorBundle {
  public let tensors: [Tensor]

  public init(tensors: [Tensor]) { self.tensors = tensors }

  public init(_ tensors: Tensor...) { self.tensors = tensors }

  public subscript(index: Int) -> Tensor { tensors[index] }

  /// Refuses another number of tensors: what a whole network is given, nobody has counted.
  ///
  /// - Throws: `shape`.
  public func require(_ count: Int) throws {
    guard tensors.count == count else {
      throw WeighbridgeError(.shape, "takes \(count) inputs, got \(tensors.count)")
    }
  }
}

/// A bundle of tensors and numbers, which tensors alone do not make.
public protocol NumberedBundle: TensorBundle {
  /// The same numbers beside as many other tensors.
  func with(_ tensors: [Tensor]) -> Self
}

extension NumberedBundle {
  public init(tensors: [Tensor]) throws {
    throw WeighbridgeError(.unsupported, "holds numbers beside tensors, which make no bundle alone")
  }

  public func replacing(_ tensors: [Tensor]) throws -> Self {
    guard tensors.count == self.tensors.count else {
      throw WeighbridgeError(
        .shape, "expected \(self.tensors.count) tensors, got \(tensors.count)")
    }
    return with(tensors)
  }
}
