import WeighbridgeCauses
import WeighbridgeModules

/// The ways in which a parameter's values may stand in another order than PyTorch's, by its role.
struct LayoutHypotheses {
  /// One way: the cause, and the tensors by their names within the module.
  struct Hypothesis {
    var cause: Cause
    var tensors: [String: Tensor]
  }

  let path: ModulePath
  let parameters: [ModuleParameter]
  /// [C, H, W] or [H, W, C] of what may have been flattened to become the input, the likeliest first.
  let imageShapes: [[Int]]
  /// The rank of the module's input.
  let inputRank: Int

  /// Every way that leaves the shapes as they are and changes some value.
  func all() -> [Hypothesis] {
    var found: [Hypothesis] = []
    for parameter in parameters {
      switch parameter.role {
      case .linearWeight: found += matrix(parameter)
      case .convolutionWeight, .transposedConvolutionWeight: found += kernel(parameter)
      case .sequenceConvolutionWeight: found += sequenceKernel(parameter)
      case .embedding, .codewords, .table: found += table(parameter)
      case .vector, .statistic, .counter, .integers: break
      }
      if let swapped = bytesSwapped(parameter) { found.append(swapped) }
      found += rounded(parameter)
    }
    return found
  }

  private func hypothesis(
    _ kind: Cause.Kind, _ text: String, _ parameter: ModuleParameter,
    _ steps: [ParameterChange.Step], with others: [(ModuleParameter, [ParameterChange.Step])] = []
  ) -> Hypothesis? {
    var tensors: [String: Tensor] = [:]
    var changes: [ParameterChange] = []
    for (parameter, steps) in [(parameter, steps)] + others {
      let change = ParameterChange((path / parameter.name).name, steps)
      guard let tensor = try? change.apply(to: parameter.tensor).contiguous(),
        tensor.shape == parameter.tensor.shape
      else { return nil }
      tensors[parameter.name] = tensor
      changes.append(change)
    }
    return Hypothesis(
      cause: Cause(kind, "\(parameter.name) \(text)", fix: .parameters(changes)), tensors: tensors)
  }

  // MARK: Matrices

  private func matrix(_ weight: ModuleParameter) -> [Hypothesis] {
    let (out, width) = (weight.tensor.shape[0], weight.tensor.shape[1])
    guard out > 0, width > 0 else { return [] }
    var found: [Hypothesis?] = []
    if out == width {
      found.append(hypothesis(.linearTransposed, "is transposed", weight, [.permute([1, 0])]))
    } else if out > 1, width > 1 {
      found.append(
        hypothesis(
          .linearTransposed, "holds [in, out] written under the shape [out, in]", weight,
          [.reshape([width, out]), .permute([1, 0])]))
    }
    found += columns(weight, out: out, width: width)
    found += rows(weight, out: out, width: width)
    return found.compactMap { $0 }
  }

  /// Inputs that were flattened in another order: (position, channel) against (channel, position).
  private func columns(_ weight: ModuleParameter, out: Int, width: Int) -> [Hypothesis?] {
    guard inputRank == 2 else { return [] }
    var found: [Hypothesis?] = []
    var seen: Set<Set<Int>> = []
    func add(channels: Int, positions: Int) {
      guard channels > 1, positions > 1, channels * positions == width,
        seen.insert([channels, positions]).inserted
      else { return }
      found += flattened(weight, out: out, channels: channels, positions: positions)
    }
    for image in imageShapes where image.count == 3 {
      add(channels: image[0], positions: image[1] * image[2])
      if image[0] > 1, image[1] > 1, image[2] > 1, image.reduce(1, *) == width {
        found.append(columnFirst(weight, out: out, image))
      }
    }
    // A norm of the channels moves them last.
    for image in imageShapes where image.count == 3 {
      add(channels: image[2], positions: image[0] * image[1])
    }
    // What was flattened may be no module's output: square numbers of positions are tried.
    let squares = (2...max(2, Int(Double(width).squareRoot()))).map { $0 * $0 }
      .filter { width % $0 == 0 && width > $0 }
    for positions in squares.prefix(8) { add(channels: width / positions, positions: positions) }
    return found
  }

  private func columnFirst(_ weight: ModuleParameter, out: Int, _ image: [Int]) -> Hypothesis? {
    hypothesis(
      .flattenOrder, "reads its inputs as (channel, column, row)", weight,
      [
        .reshape([out, image[0], image[2], image[1]]), .permute([0, 1, 3, 2]),
        .reshape([out, image.reduce(1, *)]),
      ])
  }

  private func flattened(
    _ weight: ModuleParameter, out: Int, channels: Int, positions: Int
  ) -> [Hypothesis?] {
    let (last, first) = ("(row, column, channel)", "(channel, row, column)")
    return [
      hypothesis(
        .flattenOrder, "reads its inputs as \(last), they come as \(first)", weight,
        [
          .reshape([out, positions, channels]), .permute([0, 2, 1]),
          .reshape([out, channels * positions]),
        ]),
      hypothesis(
        .flattenOrder, "reads its inputs as \(first), they come as \(last)", weight,
        [
          .reshape([out, channels, positions]), .permute([0, 2, 1]),
          .reshape([out, channels * positions]),
        ]),
    ]
  }

  /// Queries, keys and values in another order, or head by head, in a matrix of three blocks of rows.
  private func rows(_ weight: ModuleParameter, out: Int, width: Int) -> [Hypothesis?] {
    guard out % 3 == 0, isJointProjection(weight, out: out, width: width) else { return [] }
    let third = out / 3
    let bias = parameters.first { $0.role == .vector && $0.tensor.shape == [out] }
    func both(_ kind: Cause.Kind, _ text: String, _ extents: [Int], _ axes: [Int]) -> Hypothesis? {
      let tail = extents.count
      return hypothesis(
        kind, text, weight,
        [.reshape(extents + [width]), .permute(axes + [tail]), .reshape([out, width])],
        with: bias.map { [($0, [.reshape(extents), .permute(axes), .reshape([out])])] } ?? [])
    }
    var found: [Hypothesis?] = []
    // `order` takes the rows as they stand to q, k, v.
    for (order, words) in [
      ([0, 2, 1], "q, v, k"), ([1, 0, 2], "k, q, v"), ([2, 0, 1], "k, v, q"),
      ([1, 2, 0], "v, q, k"),
      ([2, 1, 0], "v, k, q"),
    ] {
      found.append(
        hypothesis(
          .qkvOrder, "holds its rows as \(words), not as q, k, v", weight, [.blocks(order)],
          with: bias.map { [($0, [.blocks(order)])] } ?? []))
    }
    for heads in 2...max(2, min(64, third)) where third % heads == 0 {
      let size = third / heads
      found.append(
        both(
          .headsInterleaved, "holds q, k and v head by head, for \(heads) heads", [heads, 3, size],
          [1, 0, 2]))
      found.append(
        both(
          .headsInterleaved, "should hold q, k and v head by head, for \(heads) heads",
          [3, heads, size], [1, 0, 2]))
      found.append(
        both(
          .headsInterleaved, "holds a head's features apart, for \(heads) heads", [3, size, heads],
          [0, 2, 1]))
    }
    return found
  }

  private func isJointProjection(_ weight: ModuleParameter, out: Int, width: Int) -> Bool {
    let name = (path / weight.name).name
    return name.contains("qkv") || name.contains("in_proj") || out == 3 * width
  }

  // MARK: Kernels

  /// The names of a kernel's axes, in PyTorch's order.
  private static func axisNames(_ weight: ModuleParameter) -> [String] {
    weight.role == .transposedConvolutionWeight ? ["I", "O", "H", "W"] : ["O", "I", "H", "W"]
  }

  private func kernel(_ weight: ModuleParameter) -> [Hypothesis] {
    let shape = Array(weight.tensor.shape)
    var found: [Hypothesis?] = []
    var seen: Set<[Int]> = []
    for axes in permutations(4) where axes != [0, 1, 2, 3] {
      let stored = axes.map { shape[$0] }
      let inverse = (0..<4).map { axis in axes.firstIndex(of: axis) ?? axis }
      // Axes of extent 1 leave the values where they are.
      guard seen.insert(axes.filter { shape[$0] > 1 }).inserted,
        axes.filter({ shape[$0] > 1 }) != (0..<4).filter({ shape[$0] > 1 })
      else { continue }
      let layout = axes.map { Self.axisNames(weight)[$0] }.joined()
      let kind: Cause.Kind = axes == [3, 2, 1, 0] ? .fortranOrder : .weightLayout
      found.append(
        hypothesis(
          kind, "holds the kernel as \(layout)", weight,
          (stored == shape ? [] : [.reshape(stored)]) + [.permute(inverse)]))
    }
    let flips: [([Int], String)] = [
      ([2, 3], "is flipped, as for a convolution in the mathematical sense"),
      ([2], "is upside down"), ([3], "is flipped left to right"),
    ]
    for (axes, words) in flips where axes.allSatisfy({ shape[$0] > 1 }) {
      found.append(hypothesis(.weightFlipped, words, weight, axes.map { .flip($0) }))
    }
    if (3...4).contains(shape[1]) {
      found.append(
        hypothesis(
          .channelsReversed, "reads BGR where the image is RGB, or the other way round", weight,
          [.flip(1)]))
    }
    if weight.role == .convolutionWeight { found += regrouped(weight, shape) }
    return found.compactMap { $0 }
  }

  private func sequenceKernel(_ weight: ModuleParameter) -> [Hypothesis] {
    let shape = Array(weight.tensor.shape)
    let names = ["O", "I", "L"]
    var found = permutations(3).filter { $0 != [0, 1, 2] }.map { axes in
      let stored = axes.map { shape[$0] }
      let inverse = (0..<3).map { axis in axes.firstIndex(of: axis) ?? axis }
      return hypothesis(
        axes == [2, 1, 0] ? .fortranOrder : .weightLayout,
        "holds the kernel as \(axes.map { names[$0] }.joined())", weight,
        (stored == shape ? [] : [.reshape(stored)]) + [.permute(inverse)])
    }
    if shape[2] > 1 {
      found.append(hypothesis(.weightFlipped, "is flipped", weight, [.flip(2)]))
    }
    return found.compactMap { $0 }
  }

  /// Rows of a grouped convolution group by group against interleaved.
  private func regrouped(_ weight: ModuleParameter, _ shape: [Int]) -> [Hypothesis?] {
    let out = shape[0]
    let inner = Array(shape.dropFirst())
    let vectors = parameters.filter { $0.role == .vector && $0.tensor.shape == [out] }
    return [2, 4, 8, 16, 32, 64].filter { out % $0 == 0 && out > $0 }.flatMap { groups in
      [[groups, out / groups], [out / groups, groups]].map { extents in
        hypothesis(
          .channelsRegrouped,
          "has its \(out) channels as \(extents[0]) × \(extents[1]), interleaved", weight,
          [.reshape(extents + inner), .permute([1, 0, 2, 3, 4]), .reshape(shape)],
          with: vectors.map { ($0, [.reshape(extents), .permute([1, 0]), .reshape([out])]) })
      }
    }
  }

  private func permutations(_ count: Int) -> [[Int]] {
    guard count > 0 else { return [[]] }
    return permutations(count - 1).flatMap { shorter in
      (0...shorter.count).map { place in
        var longer = shorter
        longer.insert(count - 1, at: place)
        return longer
      }
    }
  }

  // MARK: Tables and bytes

  private func table(_ parameter: ModuleParameter) -> [Hypothesis] {
    let shape = Array(parameter.tensor.shape)
    guard shape.count >= 2, let width = shape.last else { return [] }
    let count = shape[shape.count - 2]
    guard width > 1, count > 1 else { return [] }
    let lead = Array(shape.dropLast(2))
    let rank = shape.count
    let axes = Array(0..<(rank - 2)) + [rank - 1, rank - 2]
    return [
      hypothesis(
        .fortranOrder, "holds [\(width), \(count)] written under the shape [\(count), \(width)]",
        parameter, [.reshape(lead + [width, count]), .permute(axes)])
    ].compactMap { $0 }
  }

  /// Recorded with values of a shorter dtype, which these are not.
  private func rounded(_ parameter: ModuleParameter) -> [Hypothesis] {
    guard parameter.tensor.dtype == .float32 else { return [] }
    let name = (path / parameter.name).name
    return [DType.float16, .bfloat16].compactMap { dtype in
      guard
        let tensor = try? parameter.tensor.converted(to: dtype).converted(to: .float32)
      else { return nil }
      return Hypothesis(
        cause: Cause(
          .truncatedDType, "\(parameter.name) is in float32 here and was \(dtype) in the reference",
          fix: .code("record the reference with \(name) in float32, or export it as \(dtype)")),
        tensors: [parameter.name: tensor])
    }
  }

  /// Values that make sense only with their bytes the other way round.
  private func bytesSwapped(_ parameter: ModuleParameter) -> Hypothesis? {
    guard parameter.tensor.dtype == .float32, parameter.tensor.elementCount > 0,
      let values = try? parameter.tensor.elements(as: Float.self)
    else { return nil }
    func isSane(_ value: Float) -> Bool {
      value == 0 || (value.isFinite && abs(value) < 1e6 && abs(value) > 1e-12)
    }
    let swapped = values.map { Float(bitPattern: $0.bitPattern.byteSwapped) }
    guard values.count(where: isSane) * 2 < values.count, swapped.allSatisfy(isSane),
      let tensor = try? Tensor(swapped, shape: parameter.tensor.shape)
    else { return nil }
    return Hypothesis(
      cause: Cause(
        .byteOrder, "\(parameter.name) has its bytes in the other order",
        fix: .code("write \((path / parameter.name).name) in little-endian byte order")),
      tensors: [parameter.name: tensor])
  }
}
