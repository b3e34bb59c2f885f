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
///
/// ```swift
/// struct Grid: NumberedBundle {
///   var x: Tensor
///   let height, width: Int
///   static var places: [WritableKeyPath<Self, Tensor>] { [\.x] }
/// }
/// ```
public protocol NumberedBundle: TensorBundle {
  /// Where the tensors are, in order.
  static var places: [WritableKeyPath<Self, Tensor>] { get }
}

extension NumberedBundle {
  public init(tensors: [Tensor]) throws {
    throw WeighbridgeError(.unsupported, "holds numbers beside tensors, which make no bundle alone")
  }

  public var tensors: [Tensor] { Self.places.map { self[keyPath: $0] } }

  /// The same numbers beside as many other tensors.
  public func replacing(_ tensors: [Tensor]) throws -> Self {
    let places = Self.places
    guard tensors.count == places.count else {
      throw WeighbridgeError(.shape, "expected \(places.count) tensors, got \(tensors.count)")
    }
    return zip(places, tensors).reduce(into: self) { $0[keyPath: $1.0] = $1.1 }
  }
}
