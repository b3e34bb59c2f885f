#if OneDNN
  import WeighbridgeParallel

  extension OneDNNEngine {
    /// What distinguishes the inputs of one convolution layer.
    struct ConvolutionVariant: Hashable, Sendable {
      var batch: Int
      var height: Int
      var width: Int
      var geometry: ConvolutionGeometry
      var post: LayerPlan.Post
      /// What the work is divided between.
      var threads = Parallel.threadCount
    }

    package func convolution(
      _ x: Tensor, weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry, output: Shape,
      epilogue: Epilogue, cache: OperatorCache
    ) throws -> Tensor {
      guard output.elementCount > 0, x.elementCount > 0 else {
        return try plain.convolution(
          x, weight: weight, bias: bias, geometry: geometry, output: output, epilogue: epilogue,
          cache: cache)
      }
      if geometry.isPointwise(on: x.shape, weight: weight.shape, output: output),
        FewRows.suits(rows: x.shape[0], inputs: weight.shape[1], outputs: weight.shape[0])
      {
        return try finished(
          fewRows(x, weight: weight, bias: bias, output: output, cache: cache), Remainder(epilogue))
      }
      let (x, geometry) = try keepingWhatIsRead(x, geometry, weight: weight.shape)
      let source = try channelsLast(x)
      let residual = try epilogue.residual.map { try channelsLast($0) }
      if FewChannelsPlan.isWanted, FewChannelsPlan.suits(weight.shape, geometry, output: output) {
        return try directConvolution(
          source, weight: weight, bias: bias, geometry: geometry, output: output,
          epilogue: Epilogue(residual: residual, activation: epilogue.activation), cache: cache)
      }
      if WinogradPlan.isWanted,
        let tiling = WinogradPlan.Tiling(
          weight, geometry: geometry, input: x.shape, output: output),
        let result = try tiledConvolution(
          source, tiling, weight: weight, bias: bias, geometry: geometry, output: output,
          residual: residual, activation: epilogue.activation, cache: cache)
      {
        return result
      }
      let plans: LayerPlans<ConvolutionVariant, LayerPlan> = cache.plans(
        Self.convolutionKey, for: weight, bias)
      let rectifies = try epilogue.activation == .relu && plans.mayRectify(source, residual)
      let variant = ConvolutionVariant(
        batch: x.shape[0], height: x.shape[2], width: x.shape[3], geometry: geometry,
        post: LayerPlan.Post(addsResidual: epilogue.residual != nil, rectifies: rectifies))
      let plan = try plans.plan(for: variant) { packed in
        try makeConvolution(
          variant, input: x.shape, plans: plans, bias: bias, output: output, packed: packed)
      }
      var rest = Remainder(epilogue, after: plan.post)
      rest.note(plan.isDetour ? "convolution, channels in blocks" : "convolution")
      let storage = try plan.run(
        source, residual: residual, count: output.elementCount
      ) { rest.applyInPlace($0, count: output.elementCount) }
      return try finished(storage, output, rest)
    }

    /// Does what remains to the elements of a channels-last result.
    private func finished(
      _ storage: TensorStorage, _ output: Shape, _ rest: Remainder
    ) throws -> Tensor {
      let result = Tensor(
        dtype: .float32, shape: output, strides: MemoryFormat.channelsLast.strides(of: output),
        offset: 0, storage: storage)
      return try finished(result, rest)
    }

    /// The cells that windows of one cell read, as an image of their own. The library's kernels take twice
    /// as long where they step over the others.
    private func keepingWhatIsRead(
      _ x: Tensor, _ geometry: ConvolutionGeometry, weight: Shape
    ) throws -> (Tensor, ConvolutionGeometry) {
      guard geometry.stride != 1, geometry.padding == 0, weight[2] == 1, weight[3] == 1 else {
        return (x, geometry)
      }
      var dense = geometry
      dense.stride = 1
      let rows = try x.strided(2, start: 0, step: geometry.stride.height)
      return (try rows.strided(3, start: 0, step: geometry.stride.width), dense)
    }

    private static let convolutionKey = OperatorCache.Key("dnn.conv")
    private static let tiledKey = OperatorCache.Key("dnn.conv.tiled")
    private static let directKey = OperatorCache.Key("dnn.conv.direct")

    /// The convolution of a channels-last image of few channels.
    private func directConvolution(
      _ source: Tensor, weight: LayerWeight, bias: Tensor?, geometry: ConvolutionGeometry,
      output: Shape, epilogue: Epilogue, cache: OperatorCache
    ) throws -> Tensor {
      let plans: LayerPlans<ConvolutionVariant, FewChannelsPlan> = cache.plans(
        Self.directKey, for: weight, bias)
      let variant = ConvolutionVariant(
        batch: source.shape[0], height: source.shape[2], width: source.shape[3],
        geometry: geometry, post: LayerPlan.Post(addsResidual: false, rectifies: false))
      let plan = try plans.plan(for: variant) { _ in
        try FewChannelsPlan(
          plans.values().contiguous(), bias: bias, geometry: geometry, input: source.shape,
          output: output)
      }
      let rectifies = epilogue.residual == nil && epilogue.activation == .relu
      var rest = Remainder(
        epilogue, after: LayerPlan.Post(addsResidual: false, rectifies: rectifies))
      rest.note("convolution, few channels", by: .vector)
      let storage = try plan.run(source, rectifies: rectifies) {
        rest.applyInPlace($0, count: output.elementCount)
      }
      return try finished(storage, output, rest)
    }

    /// The convolution in Winograd's form; `nil` if a value of the result is not finite, which the
    /// plain form puts in the right places.
    private func tiledConvolution(
      _ source: Tensor, _ tiling: WinogradPlan.Tiling, weight: LayerWeight, bias: Tensor?,
      geometry: ConvolutionGeometry, output: Shape, residual: Tensor?, activation: Activation?,
      cache: OperatorCache
    ) throws -> Tensor? {
      let plans: LayerPlans<ConvolutionVariant, WinogradPlan> = cache.plans(
        Self.tiledKey, for: weight, bias)
      let variant = ConvolutionVariant(
        batch: source.shape[0], height: source.shape[2], width: source.shape[3],
        geometry: geometry, post: LayerPlan.Post(addsResidual: false, rectifies: false))
      let plan = try plans.plan(for: variant) { packed in
        try WinogradPlan(tiling, bias: bias, packed: packed) { try plans.values().contiguous() }
      }
      var rest = Remainder(
        Epilogue(residual: residual, activation: activation),
        after: LayerPlan.Post(addsResidual: residual != nil, rectifies: activation == .relu))
      rest.note("convolution, Winograd's form")
      let storage = try plan.run(
        source, residual: residual, rectifies: activation == .relu
      ) { rest.applyInPlace($0, count: output.elementCount) }
      guard let storage else { return nil }
      return try finished(storage, output, rest)
    }

    private func makeConvolution(
      _ variant: ConvolutionVariant, input: Shape, plans: LayerPlans<ConvolutionVariant, LayerPlan>,
      bias: Tensor?, output: Shape, packed: [PackedWeights]
    ) throws -> LayerPlan {
      let weight = plans.weight
      let library = try OneDNNLibrary.shared()
      let merging = GroupMerging(
        groups: variant.geometry.groups, inputs: weight.shape[1],
        outputs: weight.shape[0] / variant.geometry.groups, lanes: OneDNNLibrary.lanes)
      let groups = merging.mergedGroups
      var shape = weight.shape.dimensions
      shape[1] *= merging.factor
      if groups > 1 {
        shape[0] /= groups
        shape.insert(groups, at: 0)
      }
      var destination = try MemoryDescription(channelsLast: output.dimensions)
      var geometry = variant.geometry
      geometry.groups = groups
      var source = try MemoryDescription(channelsLast: input.dimensions)
      let weights = try MemoryDescription(shape, strides: nil)
      var detour: LayerPlan.Detour?
      if Self.prefersBlocks(variant, weight: weight.shape) {
        let blocks = try (
          MemoryDescription(channelBlocks: input.dimensions),
          MemoryDescription(channelBlocks: output.dimensions)
        )
        detour = try LayerPlan.Detour(
          source: (source, blocks.0), destination: (blocks.1, destination))
        (source, destination) = blocks
      }
      let bias1 = try bias.map { try MemoryDescription(contiguous: $0.shape.dimensions) }
      let (description, post) = try LayerPlan.compiled(variant.post, destination: destination) {
        try library.convolution(
          source: source, weights: weights, bias: bias1, destination: destination,
          geometry: geometry, post: $0)
      }
      return try LayerPlan(
        description, post: post, packed: packed, keptAs: weight.keptDType,
        plain: MemoryDescription(contiguous: shape), bias: bias, detour: detour
      ) { try merging.merged(plans.values().contiguous()) }
    }

    /// Whether a convolution is faster with its channels in blocks, although the image is reordered
    /// before and after. With 8-lane vectors the library's kernels for windows of several cells reach
    /// 60–75 % of their blocked form's speed on channels-last images of a batch, 95 % of it on one
    /// image; the reordering costs 2–8 % where there are 64 channels or more.
    private static func prefersBlocks(_ variant: ConvolutionVariant, weight: Shape) -> Bool {
      OneDNNLibrary.lanes == 8 && variant.geometry.groups == 1 && !variant.post.addsResidual
        && weight[2] * weight[3] > 1 && weight[1] >= 64 && weight[1] % 8 == 0
        && weight[0] >= 64 && weight[0] % 8 == 0
    }

    /// The image in channels-last order.
    func channelsLast(_ x: Tensor) throws -> Tensor {
      try x.contiguous(.channelsLast)
    }
  }

  extension ConvolutionGeometry {
    /// Whether this is a linear map of the channels of one cell.
    fileprivate func isPointwise(on input: Shape, weight: Shape, output: Shape) -> Bool {
      groups == 1 && padding == 0 && input[2] == 1 && input[3] == 1 && weight[2] == 1
        && weight[3] == 1 && output[2] == 1 && output[3] == 1
    }
  }

  /// Joins neighbouring groups of a grouped convolution until a group fills the vectors.
  ///
  /// The library's fast kernels want groups of whole vectors; for smaller ones it falls back to a
  /// matrix product per group, which is many times slower. Joined groups have zeros where an output
  /// does not see an input: more arithmetic, but at full speed. (An infinite input then turns the
  /// outputs of its neighbours into NaN.)
  struct GroupMerging {
    /// How many groups become one.
    let factor: Int
    let mergedGroups: Int
    private let inputs: Int
    private let outputs: Int

    /// - Parameters:
    ///   - inputs: Input channels per group.
    ///   - outputs: Output channels per group.
    init(groups: Int, inputs: Int, outputs: Int, lanes: Int) {
      self.inputs = inputs
      self.outputs = outputs
      let isDepthwise = inputs == 1 && outputs == 1
      let candidates = (1...max(1, groups)).lazy.filter {
        groups % $0 == 0 && inputs * $0 % lanes == 0 && outputs * $0 % lanes == 0
      }
      let least = isDepthwise ? 1 : candidates.first ?? 1
      factor = least <= 8 ? least : 1
      mergedGroups = groups / factor
    }

    /// Row-major weights [out, in/groups, kh, kw] with zeros between joined groups.
    func merged(_ weight: Tensor) throws -> Tensor {
      guard factor > 1 else { return weight }
      let window = weight.shape[2] * weight.shape[3]
      let run = inputs * window
      let shape = Shape([weight.shape[0], inputs * factor, weight.shape[2], weight.shape[3]])
      return try weight.withUnsafeElements { (source: UnsafePointer<Float>) in
        try Tensor(shape: shape) { (target: UnsafeMutableBufferPointer<Float>) in
          target.update(repeating: 0)
          guard let target = target.baseAddress else { return }
          for row in 0..<weight.shape[0] {
            let place = row / outputs % factor
            (target + (row * factor + place) * run).update(from: source + row * run, count: run)
          }
        }
      }
    }
  }
#endif
