import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeNetwork
import WeighbridgeParity

@testable import WeighbridgeReferences
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// Where a recorded network's Python is, told of what nothing else explains.
@Suite struct PythonPlaceTests {
  /// The recorded transformer with one tensor changed in a way that nobody's mistake explains.
  private func verdict(changing name: String, isRecorded: Bool) throws -> ParityResult {
    let reference = try Reference(path: Repository.fixture("networks/vit_reference.npz"))
    let source = try Checkpoints.open(Repository.fixture("networks/vit.npz"))
    let space = try TemporaryDirectory()
    let path = space.path("changed.npz")
    try Checkpoints.write(
      path, format: .npz,
      tensors: source.entries.map { entry in
        let tensor = try source.tensor(entry.name)
        return (
          entry.name,
          entry.name == name
            ? try tensor + Numbers.tensor(tensor.shape, seed: "noise", dtype: .float32) : tensor
        )
      })
    let network = try Network(of: Checkpoints.open(reference.path))
    let plan = try Loader(ArchitectureRegistry([AnyArchitecture(recorded: network)]))
      .plan(Checkpoints.open(path), model: AnyArchitecture.recordedID)
    var options = ValidationOptions()
    options.forwardIsRecorded = isRecorded
    return try Validator(reference, options: options).validate(plan.bind())
  }

  /// A layer of PyTorch's own has its place in the class that calls it.
  @Test(arguments: ["blocks.1.attn.proj.weight", "blocks.1.mlp.0.weight"])
  func theNearestClassIsNamed(_ name: String) throws {
    let result = try verdict(changing: name, isRecorded: false)
    let layer = name.replacing(".weight", with: "")
    #expect(result.undiagnosed.map(\.description) == [layer])
    let place = try #require(result.pythonPlaces.first)
    #expect(result.pythonPlaces.count == 1)
    let isAttention = name.contains("attn")
    #expect(place.path == (isAttention ? "blocks.1.attn" : "blocks.1"))
    #expect(
      place.className
        == "weighbridge_lab.small_networks.\(isAttention ? "Attention" : "EncoderBlock")")
    #expect(place.place.hasPrefix("weighbridge_lab/small_networks.py:"))
    let printed = "\(result)".split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(printed.contains("in Python \(place)"))
  }

  @Test func whoRunsTheRecordingHasNoCodeToRead() throws {
    let result = try verdict(changing: "blocks.1.attn.proj.weight", isRecorded: true)
    #expect(result.hasFailedLayer && result.pythonPlaces.isEmpty)
  }
}
