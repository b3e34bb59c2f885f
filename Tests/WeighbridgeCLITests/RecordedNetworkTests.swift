import Foundation
import TestSupport
import Testing
import Weighbridge

/// `--model recorded`: the network that a reference holds, through the built command.
struct RecordedNetworkCommandTests {
  private func network(_ name: String) -> String { Repository.fixture("networks/\(name)") }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test(arguments: ["resnet", "vit", "unet"])
  func validates(_ name: String) throws {
    let run = try CommandRun(
      "validate", "--model", "recorded", "--weights", network("\(name).npz"), "--reference",
      network("\(name)_reference.npz"), "--json", "-")
    #expect(run.status == 0, "\(run.errors)")
    let json = try object(run.output)
    #expect(json["verdict"] as? String == "pass")
    #expect(json["model"] as? String == "recorded")
    #expect((json["uncovered"] as? [String])?.isEmpty == true)
  }

  @Test("another reference is judged with the network of the first")
  func otherReference() throws {
    let run = try CommandRun(
      "validate", "--model", "recorded", "--weights", network("unet.npz"), "--reference",
      network("unet_other.npz"), "--network", network("unet_reference.npz"))
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    let without = try CommandRun(
      "validate", "--model", "recorded", "--weights", network("unet.npz"), "--reference",
      network("unet_other.npz"))
    #expect(without.status == 3)
    #expect(without.firstErrorLine.contains("unet_other.npz: network: holds no network"))
  }

  @Test func mapsConvertsAndRuns() throws {
    let folder = try TemporaryDirectory()
    let reference = network("resnet_reference.npz")
    let map = try CommandRun(
      "map", network("resnet.npz"), "--model", "recorded", "--reference", reference, "--json")
    #expect(map.status == 0, "\(map.errors)")
    #expect((try object(map.output)["matched"] as? [Any])?.count == 62)
    let native = folder.path("net.safetensors")
    let convert = try CommandRun(
      "convert", network("resnet.npz"), native, "--model", "recorded", "--reference", reference)
    #expect(convert.status == 0, "\(convert.errors)")
    // The native file says that it is a recorded network's.
    let validate = try CommandRun("validate", "--weights", native, "--reference", reference)
    #expect(validate.status == 0, "\(validate.output)\(validate.errors)")
    let outputs = folder.path("out.npz")
    let run = try CommandRun(
      "run", "--weights", native, "--reference", reference, "--input", reference, "--output",
      outputs, "--activations")
    #expect(run.status == 0, "\(run.errors)")
    let diff = try CommandRun(
      "diff", outputs, reference, "--rtol", "1e-4", "--atol", "1e-4", "--json")
    let different = try #require(try object(diff.output)["different"] as? [[String: Any]])
    #expect(different.allSatisfy { ($0["name"] as? String)?.hasPrefix("noise") ?? true })
  }

  @Test func aNetworkWithoutAReferenceIsSaid() throws {
    let run = try CommandRun("map", network("resnet.npz"), "--model", "recorded")
    #expect(run.status == 64)
    #expect(run.firstErrorLine.hasSuffix("and none is given. Add --reference FILE"))
  }

  @Test func whatCannotRunIsOneLine() throws {
    let run = try CommandRun(
      "validate", "--model", "recorded", "--weights", network("limited.npz"), "--reference",
      network("limited_reference.npz"))
    #expect(run.status == 3)
    #expect(run.errors.split(separator: "\n").count == 1)
    #expect(run.firstErrorLine.contains("spectrum: "))
    #expect(run.firstErrorLine.contains("torch._C._fft.fft_rfft2"))
  }

  /// A module of two names is twice in a state dict. PyTorch takes the last of them.
  @Test func namesOfOneModuleHaveOneValue() throws {
    let folder = try TemporaryDirectory()
    let source = try Checkpoints.open(network("sequences.npz"))
    func changed(_ name: String) throws -> String {
      let path = folder.path("\(name).npz")
      try Checkpoints.write(
        path, format: .npz,
        tensors: source.entries.map { entry in
          let tensor = try source.tensor(entry.name)
          return (entry.name, entry.name == name ? try tensor * 0 : tensor)
        })
      return path
    }
    func validated(_ weights: String) throws -> CommandRun {
      try CommandRun(
        "validate", "--model", "recorded", "--weights", weights, "--reference",
        network("sequences_reference.npz"))
    }
    let run = try validated(changed("second.inner.gain"))
    #expect(run.status == 2)
    #expect(run.firstErrorLine.contains("second.inner.gain"))
    #expect(run.firstErrorLine.contains("is another name of"))
    #expect(try validated(network("sequences.npz")).status == 0)
  }
}
