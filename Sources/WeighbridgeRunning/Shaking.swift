import Synchronization
import WeighbridgeModules
import WeighbridgeReferences

/// Moves every element of a float32 tensor one unit in its last place, up or down at random: the least
/// that rounding does to a result.
package struct Shaking: Sendable {
  private let seed: UInt64
  private let count = SharedCount()

  package init(seed: UInt64) { self.seed = seed }

  /// The tensor moved; tensors of other dtypes as they are.
  package func shaken(_ tensor: Tensor) throws -> Tensor {
    guard tensor.dtype == .float32, tensor.elementCount > 0 else { return tensor }
    let format = tensor.preferredFormat
    let packed = try tensor.contiguous(format)
    var state = (seed &+ count.next()) &* 0x9e37_79b9_7f4a_7c15
    return try Tensor(shape: tensor.shape, format: format) {
      (target: UnsafeMutableBufferPointer<Float>) in
      try packed.withUnsafeElements { (source: UnsafePointer<Float>) in
        for index in target.indices {
          if index % 64 == 0 { state = state.mixed() }
          let value = source[index]
          // Zeros stay: what a rectifier closes, rounding does not open by itself.
          let isUp = state >> UInt64(index % 64) & 1 == 1
          target[index] = value == 0 ? value : isUp ? value.nextUp : value.nextDown
        }
      }
    }
  }
}

private final class SharedCount: Sendable {
  private let count = Mutex<UInt64>(0)

  func next() -> UInt64 {
    count.withLock {
      $0 += 1
      return $0
    }
  }
}

extension UInt64 {
  /// The next number of SplitMix64.
  fileprivate func mixed() -> UInt64 {
    var z = self &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Keeps what every module returns, and hands on what leaves return shaken.
package final class ShakingProbe: Probe {
  private let shaking: Shaking?
  private let state = Mutex((calls: 0, outputs: [ActivationKey: Tensor]()))

  /// - Parameter shaking: `nil` to hand everything on as it is.
  package init(_ shaking: Shaking?) { self.shaking = shaking }

  package var outputs: [ActivationKey: Tensor] { state.withLock { $0.outputs } }

  package func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    let before = state.withLock { $0.calls }
    var output = try forward(input)
    let isLeaf = state.withLock { $0.calls } == before
    if isLeaf, let shaking, !isHandedOn(input.tensors, output.tensors) {
      output = try output.replacing(output.tensors.map(shaking.shaken))
    }
    let tensors = output.tensors
    state.withLock { state in
      state.calls += 1
      for (index, tensor) in tensors.enumerated() {
        let key = ActivationKey(module.path, call: call, item: tensors.count > 1 ? index : nil)
        state.outputs[key] = tensor
      }
    }
    return output
  }

  /// Whether a module returned its input, maybe under another shape: it rounded nothing.
  private func isHandedOn(_ inputs: [Tensor], _ outputs: [Tensor]) -> Bool {
    outputs.allSatisfy { output in inputs.contains { $0.storage === output.storage } }
  }
}
