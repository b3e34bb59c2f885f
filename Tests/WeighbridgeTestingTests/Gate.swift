import Foundation
import TestSupport
import Weighbridge

/// A module as a user of the package writes one: the squeeze-and-excitation gate of the fixtures.
struct Gate: Module {
  let path: ModulePath
  let pool: AdaptiveAvgPool2d
  let fc: Sequential
  /// Wrong on purpose: the excitation is bounded by ReLU where PyTorch used a sigmoid.
  let isWrong: Bool

  init(_ w: WeightScope, isWrong: Bool = false, hidden: Int = 2) throws {
    path = w.path
    self.isWrong = isWrong
    pool = AdaptiveAvgPool2d(w / "avg_pool", outputSize: 1)
    fc = try Sequential(
      w / "fc",
      { try Linear($0, in: 32, out: hidden, bias: .absent) },
      { ReLU($0) },
      { try Linear($0, in: hidden, out: 32, bias: .absent) },
      { isWrong ? ReLU($0) as any UnaryModule : Sigmoid($0) })
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try x.scaledByChannel(fc(pool(x).flattened(from: 1)))
  }
}

enum Fixture {
  static let weights = Repository.fixture("se_layer.npz")
  static let reference = Repository.fixture("se_layer_reference.npz")
}
