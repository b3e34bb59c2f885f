import Foundation
import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

@testable import WeighbridgeMapping

/// The published state dicts, each as a checkpoint of descriptors.
struct KeyList: Sendable, CustomTestStringConvertible {
  let file: String
  let model: String
  var testDescription: String { file }

  static let all = [
    KeyList(file: "detr_inputproj_encoder_d256_h8_L6_ff2048", model: "detr_encoder"),
    KeyList(file: "evcblock_256_256", model: "evc_block"),
    KeyList(file: "evcblock_32_32", model: "evc_block"),
    KeyList(file: "evcblock_512_512", model: "evc_block"),
    KeyList(file: "glimpse_h128_g8_k1_s2_c1", model: "glimpse_network"),
    KeyList(file: "glimpse_h128_g8_k2_s2_c1", model: "glimpse_network"),
    KeyList(file: "glimpse_h128_g8_k3_s2_c1", model: "glimpse_network"),
    KeyList(file: "glimpse_h128_g8_k3_s2_c3", model: "glimpse_network"),
    KeyList(file: "lvcblock_32_32_64", model: "lvc_block"),
    KeyList(file: "patch_embed_224_16_3_768", model: "patch_embed"),
    KeyList(file: "patch_merging_dim96", model: "patch_merging"),
    KeyList(file: "patch_merging_seed_dim1_c3", model: "patch_merging"),
    KeyList(file: "ram_default_g8_k1_s1", model: "recurrent_attention"),
    KeyList(file: "ram_g8_k3_s2", model: "recurrent_attention"),
    KeyList(file: "se_bottleneck_256_64", model: "se_bottleneck"),
    KeyList(file: "se_inception3_aux_nc1000", model: "se_inception3"),
    KeyList(file: "se_inception3_noaux_nc1000", model: "se_inception3"),
    KeyList(file: "se_resnet101", model: "se_resnet101"),
    KeyList(file: "se_resnet152", model: "se_resnet152"),
    KeyList(file: "se_resnet18", model: "se_resnet18"),
    KeyList(file: "se_resnet34", model: "se_resnet34"),
    KeyList(file: "se_resnet50", model: "se_resnet50"),
    KeyList(file: "selayer_64_r16", model: "se_layer"),
    KeyList(file: "skconv_128", model: "sk_conv"),
    KeyList(file: "sknet101", model: "sknet101"),
    KeyList(file: "sknet50", model: "sknet50"),
    KeyList(file: "stn_net", model: "stn"),
    KeyList(file: "vit_256_p32_d1024_L6_h8_mlp2048", model: "vit"),
    KeyList(file: "vit_v040_dimhead64", model: "vit"),
  ]

  /// The file's lines: name, shape, dtype, P or B.
  func lines() throws -> [[String]] {
    let url = Repository.fixtures.appending(path: "keys/\(file).txt")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: "\t").map(String.init)
    }
  }

  func checkpoint(lead: String = "") throws -> MemoryCheckpoint {
    let tensors = try lines().map { fields in
      let extents = fields[1].dropFirst().dropLast().split(separator: ",").compactMap {
        Int($0.trimmingCharacters(in: .whitespaces))
      }
      let dtype = try #require(DType(userName: fields[2]))
      return (name: lead + fields[0], tensor: Tensor.blank(Shape(extents), dtype))
    }
    return MemoryCheckpoint(tensors, path: file)
  }
}

@Suite struct IdentificationTests {
  let loader = Loader(.builtIn)

  @Test(arguments: KeyList.all)
  func everyPublishedStateDictIsIdentifiedAndMapsOneToOne(list: KeyList) throws {
    let plan = try loader.plan(list.checkpoint())
    #expect(plan.architecture.id == list.model)
    #expect(plan.report.isOneToOne, "\(plan.report.lines(limit: 3))")
    // The manifest is the published list, in its order.
    let published = try list.lines().map { $0.joined(separator: "\t") }
    #expect(plan.ledger.requests.map(\.manifestLine) == published)
  }

  @Test(arguments: KeyList.all)
  func behindDataParallelToo(list: KeyList) throws {
    let plan = try loader.plan(list.checkpoint(lead: "module."))
    #expect(plan.architecture.id == list.model)
    #expect(plan.report.isOneToOne)
  }

  @Test func aFullDETRGivesItsEncoder() throws {
    let encoder = try #require(KeyList.all.first { $0.model == "detr_encoder" })
    var tensors = try encoder.checkpoint().entries.map { entry in
      let name = entry.name.hasPrefix("encoder.") ? "transformer.\(entry.name)" : entry.name
      return (name: name, tensor: Tensor.blank(entry.shape, entry.dtype))
    }
    for name in [
      "backbone.0.body.conv1.weight", "transformer.decoder.norm.weight", "query_embed.weight",
    ] {
      tensors.append((name, .blank([4])))
    }
    let plan = try loader.plan(MemoryCheckpoint(tensors))
    #expect(plan.architecture.id == "detr_encoder")
    #expect(plan.report.isOneToOne)
    #expect(plan.report.notes.contains { $0.hasPrefix("3 entries of DETR's other parts left out") })
    let nested = MemoryCheckpoint(tensors.map { ("model.\($0.name)", $0.tensor) })
    #expect(try loader.plan(nested).report.isOneToOne)
  }

  @Test func nearestArchitecturesAreNamedWithWhatTheyLack() throws {
    let list = try #require(KeyList.all.first { $0.file == "se_resnet50" })
    let entries = try list.checkpoint().entries.filter { $0.name != "fc.weight" }
    let checkpoint = MemoryCheckpoint(
      entries.map { (name: $0.name, tensor: Tensor.blank($0.shape, $0.dtype)) }, path: "r.npz")
    let error = try #require(failure { try loader.plan(checkpoint) })
    #expect(error.code == .mapping)
    #expect(error.message.contains("nearest: se_resnet50 ("))
    #expect(error.message.contains("lacks fc.weight"))
  }

  @Test func aReferenceIsSaidToBeOne() throws {
    let reference = MemoryCheckpoint([
      "inputs/0": .blank([1, 3]), "activations/fc": .blank([1, 2]), "outputs/0": .blank([1, 2]),
    ])
    let error = try #require(failure { try loader.plan(reference) })
    #expect(error.message.contains("recorded activations"))
  }
}
