/// Tensors in order: what a module takes or returns that has several, whatever containers they were in.
public struct TensorList: TensorBundle {
  public let tensors: [Tensor]

  public init(tensors: [Tensor]) { self.tensors = tensors }

  public init(_ tensors: Tensor...) { self.tensors = tensors }

  public subscript(index: Int) -> Tensor { tensors[index] }
}
