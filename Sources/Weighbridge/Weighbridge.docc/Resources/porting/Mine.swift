import WeighbridgeNative

/// PyTorch's `Block`, mine.py:15.
struct BlockWithAdd: Module {
  let path: ModulePath
  var kind: String { "Block" }
  let depthwise, pointwise: Conv2d
  let norm: BatchNorm

  init(_ w: WeightScope, inChannels: Int) throws {
    path = w.path
    depthwise = try Conv2d(
      w / "depthwise", in: inChannels, out: inChannels, kernel: 3, padding: 1, groups: inChannels,
      bias: .absent)
    pointwise = try Conv2d(
      w / "pointwise", in: inChannels, out: inChannels, kernel: 1, bias: .absent)
    norm = try BatchNorm(w / "norm", channels: inChannels)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try x + norm(pointwise(depthwise(x))).activated(.silu)
  }
}

/// PyTorch's `Block`, mine.py:15.
struct Block: Module {
  let path: ModulePath
  let depthwise, pointwise: Conv2d
  let norm: BatchNorm

  init(_ w: WeightScope) throws {
    path = w.path
    depthwise = try Conv2d(
      w / "depthwise", in: 16, out: 16, kernel: 3, stride: 2, padding: 1, groups: 16, bias: .absent)
    pointwise = try Conv2d(w / "pointwise", in: 16, out: 32, kernel: 1, bias: .absent)
    norm = try BatchNorm(w / "norm", channels: 32)
  }

  func forward(_ x: Tensor) throws -> Tensor { try norm(pointwise(depthwise(x))).activated(.silu) }
}

/// PyTorch's `Net`, mine.py:27.
public struct Net: Module {
  public let path: ModulePath
  let stem: Conv2d
  let blocks: [any UnaryModule]
  let head: Linear

  public init(_ w: WeightScope) throws {
    path = w.path
    stem = try Conv2d(w / "stem", in: 3, out: 16, kernel: 3, stride: 2, padding: 1)
    blocks = try [
      BlockWithAdd(w / "blocks" / 0, inChannels: 16), Block(w / "blocks" / 1),
      BlockWithAdd(w / "blocks" / 2, inChannels: 32),
    ]
    head = try Linear(w / "head", in: 32, out: 10)
  }

  public func forward(_ x: Tensor) throws -> Tensor {
    var y = try stem(x)
    for block in blocks {
      y = try block(y)
    }
    return try head(y.mean(axes: [2, 3]))
  }
}
