import Foundation
import TestSupport
import Testing
import Weighbridge

/// What a user is told who gave something wrong.
@Suite struct FindingTests {
  private func fixture(_ name: String) -> String { Repository.fixture(name) }

  @Test func oneToleranceAloneIsCompletedByPyTorchs() throws {
    let arguments = [
      "validate", "--weights", fixture("vit_digits.npz"), "--reference",
      fixture("vit_digits_reference.npz"),
    ]
    #expect(try CommandRun(list: arguments + ["--rtol", "1e-5"]).status == 0)
    // The one that is given counts: nothing is within 0.
    #expect(try CommandRun(list: arguments + ["--atol", "0", "--rtol", "0"]).status == 1)
  }

  @Test(arguments: ["--html", "--junit", "--fix-rules"])
  func reportsGoToFilesThatCanBeMade(_ option: String) throws {
    let space = try Workspace()
    func run(_ path: String) throws -> CommandRun {
      try CommandRun(
        "validate", "--weights", fixture("se_layer.npz"), "--reference",
        fixture("se_layer_reference.npz"), option, path, directory: space.directory)
    }
    let dash = try run("-")
    #expect(dash.status == 64 && dash.firstErrorLine.contains("only --json"))
    // Before anything runs, and with nothing printed but this.
    let nowhere = try run("no/such/folder/report")
    #expect(nowhere.status == 3 && nowhere.output.isEmpty)
    #expect(nowhere.firstErrorLine.contains("no/such/folder/report"))
    #expect(space.contents.isEmpty)
  }

  @Test func imagesInBytesAreSaidToBe() throws {
    let space = try Workspace()
    let bytes = try Tensor([UInt8](repeating: 7, count: 784), shape: [1, 1, 28, 28])
    let input = try space.checkpoint("bytes.npz", ["inputs/0": bytes])
    let run = try CommandRun(
      "run", "--weights", fixture("stn.npz"), "--input", input, "--output", space.path("out.npz"))
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("Input 0 is uint8: give images as float32"))
  }

  /// An array that was taken rightly and has a wrong shape is not called a checkpoint.
  @Test func aWrongShapeIsOnlyThat() throws {
    let space = try Workspace()
    let image = try Tensor([Float](repeating: 0, count: 400), shape: [1, 1, 20, 20])
    let input = try space.checkpoint("image.npz", ["image": image])
    let run = try CommandRun(
      "run", "--weights", fixture("stn.npz"), "--input", input, "--output", space.path("out.npz"))
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("stn takes [N, 1, H, W]"))
    #expect(!run.firstErrorLine.contains("checkpoint"))
  }

  @Test func aReferenceForWeightsIsSaidToBeOne() throws {
    let reference = fixture("vit_digits_reference.npz")
    let run = try CommandRun("validate", "--weights", reference, "--reference", reference)
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("is a reference of recorded activations"))
  }

  @Test func whatWasOverruledIsTheFirstHint() throws {
    let run = try CommandRun(
      "validate", "--weights", fixture("stn.npz"), "--reference", fixture("stn_reference.npz"),
      "--config", "align_corners=true")
    let lines = run.output.split(separator: "\n")
    #expect(lines.first?.hasPrefix("FAIL stn") == true)
    let hint =
      "you overruled align_corners=false of the reference: drop --config align_corners=true"
    #expect(lines.count > 1 && String(lines[1]) == hint)
  }

  @Test func halfPrecisionIsSaidOnce() throws {
    let space = try Workspace()
    let half = space.path("half.safetensors")
    let converted = try CommandRun(
      "convert", fixture("vit_digits.npz"), half, "--dtype", "f16", "--config", "heads=4")
    #expect(converted.status == 0)
    let arguments = [
      "validate", "--weights", half, "--reference", fixture("vit_digits_reference.npz"),
    ]
    let run = try CommandRun(list: arguments)
    #expect(run.status == 1)
    #expect(run.output.contains("the file stores float16"))
    #expect(!run.output.contains("export patch_to_embedding"))
    #expect(try CommandRun(list: arguments + ["--rtol", "1e-2", "--atol", "1e-2"]).status == 0)
  }

  /// What a layer of few channels can be fitted by is no cause where the weights are rounded.
  @Test(arguments: ["f16", "bf16"]) func roundedWeightsAreNobodysChoice(_ dtype: String) throws {
    let space = try Workspace()
    let rounded = space.path("rounded.safetensors")
    let converted = try CommandRun("convert", fixture("lvc_block.npz"), rounded, "--dtype", dtype)
    #expect(converted.status == 0)
    let run = try CommandRun(
      "validate", "--weights", rounded, "--reference", fixture("lvc_block_reference.npz"))
    #expect(run.status == 1)
    #expect(run.output.contains("the file stores"))
    #expect(!run.output.contains("likely"), "\(run.output)")
    // The arguments c2 and num_codes change nothing, so nobody needs to say them.
    #expect(!run.output.contains("convert it again"), "\(run.output)")
  }

  @Test func rulesForMisshapenTensorsAreWritten() throws {
    let space = try Workspace()
    let file = try Checkpoints.open(fixture("se_bottleneck.npz"))
    let wrong = space.path("wrong.npz")
    try Checkpoints.write(
      wrong, format: .npz,
      tensors: file.entries.map { entry in
        let tensor = try file.tensor(entry.name)
        return (entry.name, tensor.rank == 4 ? try tensor.permuted([2, 3, 1, 0]) : tensor)
      }, metadata: [:])
    let rules = space.path("rules.yaml")
    let reference = fixture("se_bottleneck_reference.npz")
    let run = try CommandRun(
      "validate", "--weights", wrong, "--reference", reference, "--fix-rules", rules)
    #expect(run.status == 2)
    #expect(run.output.contains("perhaps - permute:"))
    let again = try CommandRun(
      "validate", "--weights", wrong, "--reference", reference, "--rules", rules)
    #expect(again.status == 0, "\(again.output)\(again.errors)")
  }

  @Test func summariesAreWholeInANarrowTerminal() throws {
    let run = try CommandRun(
      list: ["models", "stn"], environment: ["COLUMNS": "80"])
    #expect(!run.output.contains("…"), "\(run.output)")
    #expect(run.output.contains("edges"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func anUnknownNetworkIsToldWhatToDo() throws {
    let space = try Workspace()
    let path = try space.checkpoint("own.npz", ["stem.weight": Tensor([1] as [Float], shape: [1])])
    let run = try CommandRun("map", path)
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("--model recorded then runs it"))
  }
}
