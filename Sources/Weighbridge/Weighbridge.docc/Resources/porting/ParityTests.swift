import Foundation
import Testing
import WeighbridgeTesting

@testable import NetSwift

/// Every module of the network computes what PyTorch did when it was recorded.
@Test func sameAsPyTorch() {
  let tests = URL(filePath: #filePath).deletingLastPathComponent()
  let package = tests.deletingLastPathComponent().deletingLastPathComponent()
  expectParity(
    .weights(package.appending(path: "net_swift.safetensors").path) { try Net($0) },
    with: tests.appending(path: "reference.npz").path)
}
