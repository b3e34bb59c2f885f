#if OneDNN
  import WeighbridgeParallel

  extension OneDNNEngine {
    /// What distinguishes the inputs of one linear layer.
    struct LinearVariant: Hashable, Sendable {
      var rows: Int
      var post: LayerPlan.Post
      /// What the work is divided between.
      var threads = Parallel.threadCount
    }

    package func linear(
      _ x: Tensor, weight: LayerWeight, bias: Tensor?, epilogue: Epilogue, cache: OperatorCache
    ) throws -> Tensor {
      let inputs = weight.shape[1]
      let shape = Shape(x.shape.dropLast() + [weight.shape[0]])
      guard shape.elementCount > 0, inputs > 0 else {
        return try plain.linear(x, weight: weight, bias: bias, epilogue: epilogue, cache: cache)
      }
      if FewRows.suits(
        rows: x.elementCount / inputs, inputs: inputs, outputs: weight.shape[0])
      {
        return try finished(
          fewRows(x, weight: weight, bias: bias, output: shape, cache: cache), Remainder(epilogue))
      }
      let plans: LayerPlans<LinearVariant, LayerPlan> = cache.plans(
        Self.linearKey, for: weight, bias)
      let (source, residual) = try (x.contiguous(), epilogue.residual?.contiguous())
      let rectifies = try epilogue.activation == .relu && plans.mayRectify(source, residual)
      let variant = LinearVariant(
        rows: x.elementCount / inputs,
        post: LayerPlan.Post(addsResidual: epilogue.residual != nil, rectifies: rectifies))
      let plan = try plans.plan(for: variant) { packed in
        try makeLinear(variant, plans: plans, bias: bias, packed: packed)
      }
      var rest = Remainder(epilogue, after: plan.post)
      rest.note(
        LinearForm(rows: variant.rows, inputs: inputs, outputs: weight.shape[0]).words)
      let storage = try plan.run(
        source, residual: residual, count: shape.elementCount
      ) { rest.applyInPlace($0, count: shape.elementCount) }
      let result = Tensor(
        dtype: .float32, shape: shape, strides: shape.contiguousStrides, offset: 0,
        storage: storage)
      return try finished(result, rest)
    }

    /// x·Wᵀ + b for few values: x is dense rows of as many values as a row of W.
    func fewRows(
      _ x: Tensor, weight: LayerWeight, bias: Tensor?, output shape: Shape, cache: OperatorCache
    ) throws -> Tensor {
      RunLog.note(.init(.vector, "few rows, summed in float64"))
      let outputs = weight.shape[0]
      let inputs = weight.shape.elementCount / outputs
      let (x, bias) = try (x.contiguous(), bias?.contiguous())
      let weight = try readable(weight, cache)
      return try Tensor(shape: shape) { (output: UnsafeMutableBufferPointer<Float>) in
        guard let output = output.baseAddress else { return }
        try x.withUnsafeElements { (x: UnsafePointer<Float>) in
          try weight.withUnsafeElements { (weight: UnsafePointer<Float>) in
            func run(_ bias: UnsafePointer<Float>?) {
              FewRows.multiply(
                x, rows: shape.elementCount / outputs, inputs: inputs, weight: weight, bias: bias,
                outputs: outputs, to: output)
            }
            guard let bias else { return run(nil) }
            try bias.withUnsafeElements { (bias: UnsafePointer<Float>) in run(bias) }
          }
        }
      }
    }

    /// Row-major float32 weights on multiples of their size: a copy is made once, and kept. (They are
    /// few: half a megabyte at most.)
    private func readable(_ weight: LayerWeight, _ cache: OperatorCache) throws -> Tensor {
      let stored = weight.stored
      guard !(weight.isPlain && stored.isContiguous && stored.isAligned) else { return stored }
      func copy() throws -> Tensor { try weight.values(in: .float32).contiguous().aligned() }
      let kept = try cache.value(Self.rowsKey) { (of: weight, copy: try copy()) }
      return kept.of.isSame(as: weight) ? kept.copy : try copy()
    }

    private static let rowsKey = OperatorCache.Key("dnn.rows")
    private static let linearKey = OperatorCache.Key("dnn.linear")

    private func makeLinear(
      _ variant: LinearVariant, plans: LayerPlans<LinearVariant, LayerPlan>, bias: Tensor?,
      packed: [PackedWeights]
    ) throws -> LayerPlan {
      let weight = plans.weight
      let (outputs, inputs) = (weight.shape[0], weight.shape[1])
      let bias1 = try bias.map { _ in try MemoryDescription(contiguous: [outputs]) }
      let library = try OneDNNLibrary.shared()
      let rows = variant.rows
      let destination: MemoryDescription
      let plain: MemoryDescription
      let compile: (PostOperations) throws -> PrimitiveDescription
      switch LinearForm(rows: rows, inputs: inputs, outputs: outputs) {
      case .pointwiseConvolution:
        // Rows are the pixels of a channels-last image one pixel wide.
        destination = try MemoryDescription(channelsLast: [1, outputs, rows, 1])
        plain = try MemoryDescription(contiguous: [outputs, inputs, 1, 1])
        compile = { [destination] in
          try library.convolution(
            source: MemoryDescription(channelsLast: [1, inputs, rows, 1]),
            weights: MemoryDescription([outputs, inputs, 1, 1], strides: nil), bias: bias1,
            destination: destination, geometry: ConvolutionGeometry(), post: $0)
        }
      case .innerProduct:
        destination = try MemoryDescription(contiguous: [rows, outputs])
        plain = try MemoryDescription(contiguous: [outputs, inputs])
        compile = { [destination] in
          try library.innerProduct(
            source: MemoryDescription(contiguous: [rows, inputs]),
            weights: MemoryDescription([outputs, inputs], strides: nil), bias: bias1,
            destination: destination, post: $0)
        }
      case .matmul:
        destination = try MemoryDescription(contiguous: [rows, outputs])
        plain = try MemoryDescription([inputs, outputs], strides: [1, inputs])
        compile = { [destination] in
          try library.matmul(
            MemoryDescription(contiguous: [rows, inputs]),
            MemoryDescription([inputs, outputs], strides: nil),
            bias: bias.map { _ in try MemoryDescription(contiguous: [1, outputs]) },
            destination: destination, post: $0)
        }
      }
      let (description, post) = try LayerPlan.compiled(
        variant.post, destination: destination, compile)
      return try LayerPlan(
        description, post: post, packed: packed, keptAs: weight.keptDType, plain: plain, bias: bias
      ) { try plans.values().contiguous() }
    }
  }

  /// The primitive that a linear map is fastest as.
  ///
  /// With AVX2 the library multiplies matrices without packing them, and its pointwise convolution
  /// is 5–40 % faster; but it splits no single row between threads. With AVX-512 the matrix product
  /// runs on packed weights.
  enum LinearForm {
    case pointwiseConvolution, innerProduct, matmul

    /// For reports.
    var words: String {
      switch self {
      case .pointwiseConvolution: "1×1 convolution"
      case .innerProduct: "inner product"
      case .matmul: "matrix product"
      }
    }

    init(rows: Int, inputs: Int, outputs: Int) {
      if rows == 1, inputs * outputs > 1 << 17 {
        self = .innerProduct
      } else {
        self = OneDNNLibrary.lanes == 16 && rows > 1 ? .matmul : .pointwiseConvolution
      }
    }
  }
#endif
