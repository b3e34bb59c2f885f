import Testing
import WeighbridgeModules

/// Bundles of several tensors, and of numbers beside them.
struct BundleTests {
  private struct Sized: NumberedBundle {
    var x: Tensor
    let height: Int
    static var places: [WritableKeyPath<Self, Tensor>] { [\.x] }
  }

  private struct Square: Module {
    let path: ModulePath

    func forward(_ x: Tensor) throws -> Tensor {
      try requirePorted(x.shape[0] == x.shape[1], "x.shape[0] == x.shape[1]")
      return x
    }
  }

  @Test func numbersStayWhereTensorsAreReplaced() throws {
    let bundle = try Sized(x: Tensor.zeros([2]), height: 3)
    let other = try bundle.replacing([Tensor.ones([4])])
    #expect(other.height == 3 && other.x.shape == [4])
    #expect(throws: WeighbridgeError.self) { try bundle.replacing([]) }
    #expect(throws: WeighbridgeError.self) { try Sized(tensors: [Tensor.ones([1])]) }
  }

  @Test func listsKeepTheirOrder() throws {
    let list = try TensorList(Tensor.zeros([2]), Tensor.zeros([3]))
    #expect(list[1].shape == [3] && list.tensors.count == 2)
    #expect(TensorList(tensors: list.tensors)[0].shape == [2])
    try list.require(2)
    for count in [0, 1, 3] {
      let error = #expect(throws: WeighbridgeError.self) { try list.require(count) }
      #expect(error?.code == .shape && error?.message == "takes \(count) inputs, got 2")
    }
  }

  /// Extents that a recording fixes, and those that it leaves open.
  @Test func extentsThatWereNotPortedAreRefused() throws {
    let module = Square(path: "square")
    try module.requirePorted(Tensor.zeros([2, 3, 4]), has: [nil, 3, 4])
    try module.requirePorted(Tensor.zeros([7, 3, 4]), has: [nil, 3, 4])
    for shape in [[2, 3, 5], [2, 3], [2, 3, 4, 1]] as [Shape] {
      let error = #expect(throws: WeighbridgeError.self) {
        try module.requirePorted(Tensor.zeros(shape), has: [nil, 3, 4])
      }
      #expect(error?.message.contains("[any, 3, 4]") == true, "\(error?.message ?? "")")
    }
  }

  @Test func sizesThatWereNotPortedAreRefused() throws {
    let module = Square(path: "square")
    #expect(try module(Tensor.zeros([2, 2])).shape == [2, 2])
    let error = #expect(throws: WeighbridgeError.self) { try module(Tensor.zeros([2, 3])) }
    #expect(error?.entry == "square")
    #expect(error?.description.contains("x.shape[0] == x.shape[1] does not hold") == true)
  }
}
