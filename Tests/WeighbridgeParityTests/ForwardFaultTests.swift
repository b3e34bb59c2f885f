import Testing
import WeighbridgeModules
import WeighbridgeTensors

@testable import WeighbridgeParity

/// A model whose only module's forward is at fault.
private struct Faulty: Module {
  /// What the module does.
  enum Fault { case transposes, needsMemory }

  struct Step: Module {
    let path: ModulePath
    let fault: Fault

    func forward(_ x: Tensor) throws -> Tensor {
      switch fault {
      case .transposes: return try x + x.transposed(0, 1)
      case .needsMemory:
        let storage = try TensorStorage(byteCount: 1 << 45) { _ in }
        return try Tensor(dtype: .float32, shape: [1 << 43], storage: storage)
      }
    }
  }

  let path = ModulePath.root
  let step: Step

  init(_ fault: Fault) { step = Step(path: ModulePath("step"), fault: fault) }

  func forward(_ x: Tensor) throws -> Tensor { try step(x) }
}

/// What is said of a model that cannot run on a reference's inputs.
@Suite struct ForwardFaultTests {
  private func error(of fault: Faulty.Fault) throws -> WeighbridgeError? {
    let reference = try RecordedEntries.toy().reference()
    return failure { try Validator(reference).validate(Faulty(fault)) }
  }

  /// The inputs may be another model's, and the forward may be wrong: the module, the shapes, and both
  /// ways to look are named.
  @Test func shapesSayWhereToLook() throws {
    let error = try #require(try error(of: .transposes))
    #expect(error.code == .shape && error.file == "reference.npz" && error.entry == "step")
    #expect(error.message.contains("this reference's inputs ([3, 6]): "), "\(error)")
    #expect(error.message.contains("[6, 3]"), "\(error)")
    #expect(error.remedy?.hasPrefix("Look at step, and what the forward around it") == true)
    #expect(error.remedy?.contains("a reference recorded from this model") == true)
  }

  /// Nothing was compared, so it is not the status of a difference.
  @Test func memoryThatThereIsNotIsNoDifference() throws {
    let error = try #require(try error(of: .needsMemory))
    #expect(error.code == .engine && error.code.exitStatus == 3)
    #expect(error.file == "reference.npz" && error.entry == "step")
    #expect(error.message.contains("not enough memory"))
    #expect(error.remedy?.contains("smaller batch") == true)
  }
}
