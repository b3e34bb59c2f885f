import Foundation
import TestSupport
import Testing
import WeighbridgeModels
import WeighbridgeModules

/// A committed checkpoint and reference.
struct Recorded: Sendable, CustomTestStringConvertible {
  var weights: String
  var reference: String

  init(_ weights: String, _ reference: String) {
    (self.weights, self.reference) = (weights, reference)
  }

  var testDescription: String { "\(weights), \(reference)" }
}

@Suite("Models against what PyTorch recorded")
struct RecordedRunTests {
  static let runs = [
    Recorded("stn.npz", "stn_reference.npz"),
    Recorded("stn.h5", "stn_reference.h5"),
    Recorded("se_layer.npz", "se_layer_reference.npz"),
    Recorded("se_bottleneck.npz", "se_bottleneck_reference.npz"),
    Recorded("se_bottleneck.h5", "se_bottleneck_reference.h5"),
    Recorded("se_bottleneck_down.npz", "se_bottleneck_down_reference.npz"),
    Recorded("vit_digits.npz", "vit_digits_reference.npz"),
    Recorded("vit_digits.h5", "vit_digits_reference.h5"),
    Recorded("encoding.npz", "encoding_reference.npz"),
    Recorded("lvc_block.npz", "lvc_block_reference.npz"),
    Recorded("lvc_block.h5", "lvc_block_reference.h5"),
    Recorded("sk_conv.npz", "sk_conv_reference.npz"),
  ]

  @Test("every module, within the noise of PyTorch's own float32", arguments: runs)
  func parity(_ recorded: Recorded) throws {
    let run = try RecordedRun(
      weights: Repository.fixture(recorded.weights),
      reference: Repository.fixture(recorded.reference))
    for figure in try run.compare() {
      #expect(figure.ratio <= 3, "\(figure.name)")
      #expect(figure.oracleRatio <= 1.01, "\(figure.name)")
    }
  }
}
