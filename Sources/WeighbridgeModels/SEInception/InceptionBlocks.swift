import WeighbridgeModules

/// 35×35: [N, in, H, W] → [N, 224 + pool, H, W].
package struct InceptionA: Module {
  package let path: ModulePath
  private let branch1x1: BasicConv2d
  private let branch5x5: [BasicConv2d]
  private let branch3x3dbl: [BasicConv2d]
  private let branchPool: BasicConv2d
  /// Whether the average divides by 9 at the borders, too.
  package let countsPadding: Bool

  /// - Parameters:
  ///   - pool: Channels of the branch after the average.
  ///   - countsPadding: Whether the average divides by 9 at the borders, too.
  init(_ w: WeightScope, in inputs: Int, pool: Int, countsPadding: Bool) throws {
    path = w.path
    branch1x1 = try BasicConv2d(w / "branch1x1", in: inputs, out: 64, kernel: 1)
    branch5x5 = try [
      BasicConv2d(w / "branch5x5_1", in: inputs, out: 48, kernel: 1),
      BasicConv2d(w / "branch5x5_2", in: 48, out: 64, kernel: 5, padding: 2),
    ]
    branch3x3dbl = try [
      BasicConv2d(w / "branch3x3dbl_1", in: inputs, out: 64, kernel: 1),
      BasicConv2d(w / "branch3x3dbl_2", in: 64, out: 96, kernel: 3, padding: 1),
      BasicConv2d(w / "branch3x3dbl_3", in: 96, out: 96, kernel: 3, padding: 1),
    ]
    self.countsPadding = countsPadding
    branchPool = try BasicConv2d(w / "branch_pool", in: inputs, out: pool, kernel: 1)
    try w.unusedSELayer(channel: inputs)
  }

  package func forward(_ x: Tensor) throws -> Tensor {
    try forward(x, smoothed: x.smoothed(countsPadding: countsPadding))
  }

  /// - Parameter smoothed: What the pooling branch reads.
  package func forward(_ x: Tensor, smoothed: @autoclosure () throws -> Tensor) throws -> Tensor {
    try .concatenated(
      [branch1x1(x), x.through(branch5x5), x.through(branch3x3dbl), branchPool(smoothed())],
      axis: 1)
  }
}

/// 35×35 to 17×17: [N, in, H, W] → [N, 480 + in, H', W'].
struct InceptionB: Module {
  let path: ModulePath
  private let branch3x3: BasicConv2d
  private let branch3x3dbl: [BasicConv2d]

  init(_ w: WeightScope, in inputs: Int) throws {
    path = w.path
    branch3x3 = try BasicConv2d(w / "branch3x3", in: inputs, out: 384, kernel: 3, stride: 2)
    branch3x3dbl = try [
      BasicConv2d(w / "branch3x3dbl_1", in: inputs, out: 64, kernel: 1),
      BasicConv2d(w / "branch3x3dbl_2", in: 64, out: 96, kernel: 3, padding: 1),
      BasicConv2d(w / "branch3x3dbl_3", in: 96, out: 96, kernel: 3, stride: 2),
    ]
    try w.unusedSELayer(channel: inputs)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try .concatenated([branch3x3(x), x.through(branch3x3dbl), x.shrunk()], axis: 1)
  }
}

/// 17×17 with 7-long kernels: [N, in, H, W] → [N, 768, H, W].
package struct InceptionC: Module {
  package let path: ModulePath
  private let branch1x1: BasicConv2d
  private let branch7x7: [BasicConv2d]
  private let branch7x7dbl: [BasicConv2d]
  private let branchPool: BasicConv2d
  /// Whether the average divides by 9 at the borders, too.
  package let countsPadding: Bool

  /// - Parameters:
  ///   - width: Channels within the 7-long branches, torchvision's `c7`.
  ///   - countsPadding: Whether the average divides by 9 at the borders, too.
  init(_ w: WeightScope, in inputs: Int, width: Int, countsPadding: Bool) throws {
    path = w.path
    branch1x1 = try BasicConv2d(w / "branch1x1", in: inputs, out: 192, kernel: 1)
    branch7x7 = try [
      BasicConv2d(w / "branch7x7_1", in: inputs, out: width, kernel: 1),
      .wide(w / "branch7x7_2", in: width, out: width, length: 7),
      .tall(w / "branch7x7_3", in: width, out: 192, length: 7),
    ]
    branch7x7dbl = try [
      BasicConv2d(w / "branch7x7dbl_1", in: inputs, out: width, kernel: 1),
      .tall(w / "branch7x7dbl_2", in: width, out: width, length: 7),
      .wide(w / "branch7x7dbl_3", in: width, out: width, length: 7),
      .tall(w / "branch7x7dbl_4", in: width, out: width, length: 7),
      .wide(w / "branch7x7dbl_5", in: width, out: 192, length: 7),
    ]
    self.countsPadding = countsPadding
    branchPool = try BasicConv2d(w / "branch_pool", in: inputs, out: 192, kernel: 1)
    try w.unusedSELayer(channel: inputs)
  }

  package func forward(_ x: Tensor) throws -> Tensor {
    try forward(x, smoothed: x.smoothed(countsPadding: countsPadding))
  }

  /// - Parameter smoothed: What the pooling branch reads.
  package func forward(_ x: Tensor, smoothed: @autoclosure () throws -> Tensor) throws -> Tensor {
    try .concatenated(
      [branch1x1(x), x.through(branch7x7), x.through(branch7x7dbl), branchPool(smoothed())],
      axis: 1)
  }
}

/// 17×17 to 8×8: [N, in, H, W] → [N, 512 + in, H', W'].
struct InceptionD: Module {
  let path: ModulePath
  private let branch3x3: [BasicConv2d]
  private let branch7x7x3: [BasicConv2d]

  init(_ w: WeightScope, in inputs: Int) throws {
    path = w.path
    branch3x3 = try [
      BasicConv2d(w / "branch3x3_1", in: inputs, out: 192, kernel: 1),
      BasicConv2d(w / "branch3x3_2", in: 192, out: 320, kernel: 3, stride: 2),
    ]
    branch7x7x3 = try [
      BasicConv2d(w / "branch7x7x3_1", in: inputs, out: 192, kernel: 1),
      .wide(w / "branch7x7x3_2", in: 192, out: 192, length: 7),
      .tall(w / "branch7x7x3_3", in: 192, out: 192, length: 7),
      BasicConv2d(w / "branch7x7x3_4", in: 192, out: 192, kernel: 3, stride: 2),
    ]
    try w.unusedSELayer(channel: inputs)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    try .concatenated([x.through(branch3x3), x.through(branch7x7x3), x.shrunk()], axis: 1)
  }
}

/// 8×8, with branches that part: [N, in, H, W] → [N, 2048, H, W].
package struct InceptionE: Module {
  package let path: ModulePath
  private let branch1x1: BasicConv2d
  private let branch3x3: BasicConv2d
  private let branch3x3Parts: [BasicConv2d]
  private let branch3x3dbl: [BasicConv2d]
  private let branch3x3dblParts: [BasicConv2d]
  private let branchPool: BasicConv2d
  /// Whether the average divides by 9 at the borders, too.
  package let countsPadding: Bool

  init(_ w: WeightScope, in inputs: Int, countsPadding: Bool) throws {
    path = w.path
    branch1x1 = try BasicConv2d(w / "branch1x1", in: inputs, out: 320, kernel: 1)
    branch3x3 = try BasicConv2d(w / "branch3x3_1", in: inputs, out: 384, kernel: 1)
    branch3x3Parts = try [
      .wide(w / "branch3x3_2a", in: 384, out: 384, length: 3),
      .tall(w / "branch3x3_2b", in: 384, out: 384, length: 3),
    ]
    branch3x3dbl = try [
      BasicConv2d(w / "branch3x3dbl_1", in: inputs, out: 448, kernel: 1),
      BasicConv2d(w / "branch3x3dbl_2", in: 448, out: 384, kernel: 3, padding: 1),
    ]
    branch3x3dblParts = try [
      .wide(w / "branch3x3dbl_3a", in: 384, out: 384, length: 3),
      .tall(w / "branch3x3dbl_3b", in: 384, out: 384, length: 3),
    ]
    self.countsPadding = countsPadding
    branchPool = try BasicConv2d(w / "branch_pool", in: inputs, out: 192, kernel: 1)
    try w.unusedSELayer(channel: inputs)
  }

  package func forward(_ x: Tensor) throws -> Tensor {
    try forward(x, smoothed: x.smoothed(countsPadding: countsPadding))
  }

  /// - Parameter smoothed: What the pooling branch reads.
  package func forward(_ x: Tensor, smoothed: @autoclosure () throws -> Tensor) throws -> Tensor {
    var parts = [try branch1x1(x)]
    let single = try branch3x3(x)
    parts += try branch3x3Parts.map { try $0(single) }
    let double = try x.through(branch3x3dbl)
    parts += try branch3x3dblParts.map { try $0(double) }
    parts.append(try branchPool(smoothed()))
    return try .concatenated(parts, axis: 1)
  }
}

extension Tensor {
  /// The output of modules one after the other.
  fileprivate func through(_ modules: [BasicConv2d]) throws -> Tensor {
    try modules.reduce(self) { try $1($0) }
  }
}
