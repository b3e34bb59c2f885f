#if OneDNN
  extension OneDNNEngine {
    /// What distinguishes the inputs of one linear layer.
    struct LinearVariant: Hashable, Sendable {
      var rows: Int
      var addsResidual: Bool
      var rectifies: Bool
    }

    package func linear(
      _ x: Tensor, weight: Tensor, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
    ) throws -> Tensor {
      let inputs = weight.shape[1]
      let shape = Shape(x.shape.dropLast() + [weight.shape[0]])
      guard shape.elementCount > 0, inputs > 0 else {
        return try plain.linear(x, weight: weight, bias: bias, epilogue: epilogue, cache: cache)
      }
      var plans = cache.value(Self.linearKey) {
        LayerPlans<LinearVariant>(weight: weight, bias: bias)
      }
      if !plans.serves(weight, bias) { plans = LayerPlans(weight: weight, bias: bias) }
      // The library's rectifier turns NaN into 0; with finite weights only the input can bring one.
      let rectifies = epilogue.activation == .relu && plans.isFinite
      let variant = LinearVariant(
        rows: x.elementCount / inputs, addsResidual: epilogue.residual != nil,
        rectifies: rectifies)
      let plan = try plans.plan(for: variant) { packed in
        try makeLinear(variant, weight: weight, bias: bias, packed: packed)
      }
      let storage = try plan.run(
        x.contiguous(), residual: epilogue.residual?.contiguous(),
        outputBytes: shape.elementCount * MemoryLayout<Float>.stride)
      let result = Tensor(
        dtype: .float32, shape: shape, strides: shape.contiguousStrides, offset: 0,
        storage: storage)
      guard let activation = epilogue.activation, !rectifies else { return result }
      return try activate(result, activation)
    }

    private static let linearKey = OperatorCache.Key("dnn.linear")

    private func makeLinear(
      _ variant: LinearVariant, weight: Tensor, bias: Tensor?, packed: [PackedWeights]
    ) throws -> LayerPlan {
      let (outputs, inputs) = (weight.shape[0], weight.shape[1])
      let bias1 = try bias.map { _ in try MemoryDescription(contiguous: [outputs]) }
      var post = PostOperations(rectifies: variant.rectifies)
      let description: PrimitiveDescription
      let plain: MemoryDescription
      switch LinearForm(rows: variant.rows, inputs: inputs, outputs: outputs) {
      case .pointwiseConvolution:
        // Rows are the pixels of a channels-last image one pixel wide.
        let destination = try MemoryDescription(channelsLast: [1, outputs, variant.rows, 1])
        if variant.addsResidual { post.addend = destination }
        description = try OneDNNLibrary.shared().convolution(
          source: MemoryDescription(channelsLast: [1, inputs, variant.rows, 1]),
          weights: MemoryDescription([outputs, inputs, 1, 1], strides: nil), bias: bias1,
          destination: destination, geometry: ConvolutionGeometry(), post: post)
        plain = try MemoryDescription(contiguous: [outputs, inputs, 1, 1])
      case .innerProduct:
        let destination = try MemoryDescription(contiguous: [variant.rows, outputs])
        if variant.addsResidual { post.addend = destination }
        description = try OneDNNLibrary.shared().innerProduct(
          source: MemoryDescription(contiguous: [variant.rows, inputs]),
          weights: MemoryDescription([outputs, inputs], strides: nil), bias: bias1,
          destination: destination, post: post)
        plain = try MemoryDescription(contiguous: [outputs, inputs])
      case .matmul:
        let destination = try MemoryDescription(contiguous: [variant.rows, outputs])
        if variant.addsResidual { post.addend = destination }
        description = try OneDNNLibrary.shared().matmul(
          MemoryDescription(contiguous: [variant.rows, inputs]),
          MemoryDescription([inputs, outputs], strides: nil),
          bias: bias.map { _ in try MemoryDescription(contiguous: [1, outputs]) },
          destination: destination, post: post)
        plain = try MemoryDescription([inputs, outputs], strides: [1, inputs])
      }
      return try LayerPlan(
        description, packed: packed, weight: weight.contiguous(), plain: plain, bias: bias)
    }
  }

  /// The primitive that a linear map is fastest as.
  ///
  /// With AVX2 the library multiplies matrices without packing them, and its pointwise convolution
  /// is 5–40 % faster; but it splits no single row between threads. With AVX-512 the matrix product
  /// runs on packed weights.
  enum LinearForm {
    case pointwiseConvolution, innerProduct, matmul

    init(rows: Int, inputs: Int, outputs: Int) {
      if rows == 1, inputs * outputs > 1 << 17 {
        self = .innerProduct
      } else {
        self = OneDNNLibrary.lanes == 16 && rows > 1 ? .matmul : .pointwiseConvolution
      }
    }
  }
#endif
