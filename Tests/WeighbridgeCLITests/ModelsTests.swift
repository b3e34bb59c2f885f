import Foundation
import TestSupport
import Testing
import Weighbridge

@Suite struct ModelsTests {
  @Test func allAreListed() throws {
    let run = try CommandRun("models")
    #expect(run.status == 0)
    for architecture in ArchitectureRegistry.builtIn.architectures {
      #expect(run.output.contains("\n\(architecture.id) "))
    }
    let models = try json(CommandRun("models", "--json"))["models"] as? [[String: Any]]
    #expect(models?.count == ArchitectureRegistry.builtIn.architectures.count)
  }

  @Test func oneIsDescribed() throws {
    let run = try CommandRun("models", "se_layer")
    #expect(run.status == 0)
    #expect(run.output.contains("channel") && run.output.contains("reduction"))
    #expect(run.output.contains("as --config key=value"))
  }

  @Test func valuesGiveTheManifest() throws {
    let run = try CommandRun(
      "models", "se_layer", "--config", "channel=64", "--config", "reduction=16")
    let published = try String(
      contentsOfFile: Repository.fixture("keys/selayer_64_r16.txt"), encoding: .utf8)
    #expect(run.output.contains("\n" + published.trimmingCharacters(in: .newlines) + "\n"))
    #expect(run.output.contains("512 parameters in 2 tensors, and 0 buffers"))
    let document = try json(
      CommandRun("models", "se_layer", "--config", "channel=64", "--json"))
    #expect(document["parameter_count"] as? Int == 512)
    #expect((document["config"] as? [String: Any])?["channel"] as? Int == 64)
  }

  @Test func theManifestOfTheDefaults() throws {
    let run = try CommandRun("models", "stn", "--parameters")
    let published = try String(
      contentsOfFile: Repository.fixture("keys/stn_net.txt"), encoding: .utf8)
    #expect(run.output.contains(published.trimmingCharacters(in: .newlines)))
    #expect(run.output.contains("27,360 parameters"))
  }

  @Test(arguments: [
    ["models", "se_layer", "--parameters"], ["models", "se_layer", "--config", "chanel=3"],
    ["models", "se_layer", "--config", "channel=many"], ["models", "--config", "channel=3"],
    ["models", "vit", "--config", "dim=7", "--config", "heads=2"],
    ["models", "vit", "--config", "heads=2", "--config", "heads=4"],
    ["models", "sk_conv", "--config", "in_channels=33", "--config", "out_channels=33"],
    ["models", "vit", "--config", "depth=-1"],
    ["models", "vit", "--config", "dim=9223372036854775807"],
  ])
  func impossibleValuesAre64(arguments: [String]) throws {
    let run = try CommandRun(list: arguments)
    #expect(run.status == 64, "\(run.errors)")
    #expect(run.firstErrorLine.hasPrefix("weighbridge: error: "))
    #expect(run.output.isEmpty)
  }
}
