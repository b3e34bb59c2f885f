import WeighbridgeParallel

/// Eight values from any address.
@inline(__always)
func lanes(_ pointer: UnsafePointer<Float>) -> Lanes {
  UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
}

/// Writes eight values to any address.
@inline(__always)
func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Lanes.self)
}

/// The first `count` < 8 values at an address, the rest 0.
@inline(__always)
func lanes(_ pointer: UnsafePointer<Float>, first count: Int) -> Lanes {
  var value = Lanes.zero
  for i in 0..<count { value[i] = pointer[i] }
  return value
}

/// Writes the first `count` < 8 values.
@inline(__always)
func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Float>, first count: Int) {
  for i in 0..<count { pointer[i] = value[i] }
}

enum VectorLoop {
  /// target[i] = function(source[i]); both may be the same memory.
  @inline(__always)
  static func map(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int,
    _ function: some LaneFunction
  ) {
    var i = 0
    while i + 8 <= count {
      store(function(lanes(source + i)), target + i)
      i += 8
    }
    if i < count {
      store(function(lanes(source + i, first: count - i)), target + i, first: count - i)
    }
  }

  /// The same, on all threads when there is enough to do.
  @inline(__always)
  static func mapInParallel(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int,
    grain: Int, _ function: some LaneFunction
  ) {
    nonisolated(unsafe) let (source, target) = (source, target)
    Parallel.forRanges((count + 7) / 8, grain: grain / 8) { range in
      let start = range.lowerBound * 8
      map(
        source + start, to: target + start, count: min(count, range.upperBound * 8) - start,
        function)
    }
  }
}

extension Activation {
  /// Applies the activation to `count` values, in place where both addresses are the same; `false`
  /// when it has no vector form.
  func applyInParallel(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int
  ) -> Bool {
    let (cheap, costly) = (32768, 4096)
    @inline(__always) func run(_ function: some LaneFunction, grain: Int) {
      VectorLoop.mapInParallel(source, to: target, count: count, grain: grain, function)
    }
    switch self {
    case .relu: run(LaneActivations.ReLU(), grain: cheap)
    case .relu6: run(LaneActivations.ReLU6(), grain: cheap)
    case .leakyReLU(let slope):
      run(LaneActivations.LeakyReLU(slope: Float(slope)), grain: cheap)
    case .gelu: run(LaneActivations.GELU(), grain: costly)
    case .geluTanh: run(LaneActivations.GELUTanh(), grain: costly)
    case .geluQuick: run(LaneActivations.Swish(factor: 1.702), grain: costly)
    case .silu: run(LaneActivations.Swish(factor: 1), grain: costly)
    case .sigmoid: run(LaneActivations.Sigmoid(), grain: costly)
    case .tanh: run(LaneActivations.HyperbolicTangent(), grain: costly)
    case .hardSigmoid, .hardSwish, .elu, .softplus: return false
    }
    return true
  }
}
