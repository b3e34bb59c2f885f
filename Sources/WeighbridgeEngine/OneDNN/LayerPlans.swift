#if OneDNN
  import Synchronization

  /// How a layer with weights runs on inputs of one shape.
  protocol WeightedPlan: Sendable {
    /// The forms of the weights that it reads.
    var packed: [PackedWeights] { get }
  }

  /// What the engine keeps for one layer with weights: the packed forms of the weights, and a plan for
  /// each kind of input that came by.
  final class LayerPlans<Variant: Hashable & Sendable, Plan: WeightedPlan>: Sendable {
    private struct State {
      var plans: [(variant: Variant, plan: Plan)] = []
      var packed: [PackedWeights] = []
      var isFinite: Bool?
      /// The weights ready to be packed, between the first look at them and that.
      var values: Tensor?
    }

    let weight: LayerWeight
    private let bias: Tensor?
    private let state = Mutex(State())
    /// More input shapes than a layer meets in ordinary use; older plans give way.
    private let capacity = 32

    init(weight: LayerWeight, bias: Tensor?) {
      self.weight = weight
      self.bias = bias
    }

    /// Whether every weight and bias is finite; looked up at the first use, by layers that rectify.
    func isFinite() throws -> Bool {
      if let known = state.withLock({ $0.isFinite }) { return known }
      let found =
        try values().hasOnlyFiniteElements() && bias?.hasOnlyFiniteElements() ?? true
      state.withLock { $0.isFinite = found }
      return found
    }

    /// The weights in float32, for packing: they are made anew when they are asked for again.
    func values() throws -> Tensor {
      if let made = state.withLock({ $0.values }) { return made }
      let made = try OneOffMemory.use { try weight.values(in: .float32) }
      state.withLock { $0.values = made }
      return made
    }

    /// Whether the library may rectify: its rectifier turns NaN into 0, which only weights or what
    /// comes in can bring.
    func mayRectify(_ x: Tensor, _ residual: Tensor?) throws -> Bool {
      try isFinite() && x.hasOnlyFiniteElements() && residual?.hasOnlyFiniteElements() ?? true
    }

    /// Whether the plans were made for these very weights.
    func serves(_ weight: LayerWeight, _ bias: Tensor?) -> Bool {
      weight.isSame(as: self.weight)
        && bias?.storage === self.bias?.storage && bias?.offset == self.bias?.offset
    }

    /// The plan for a variant, made at its first use.
    func plan(
      for variant: Variant, orMake make: ([PackedWeights]) throws -> Plan
    ) throws -> Plan {
      let (found, packed) = state.withLock { state in
        (state.plans.first { $0.variant == variant }?.plan, state.packed)
      }
      if let found { return found }
      let made = try OneOffMemory.use { try make(packed) }
      state.withLock { state in
        if state.plans.count >= capacity { state.plans.removeFirst() }
        state.plans.append((variant, made))
        state.values = nil
        for form in made.packed where !state.packed.contains(where: { $0 === form }) {
          state.packed.append(form)
        }
      }
      return made
    }
  }

  extension OperatorCache {
    /// The plans of these weights: those that are kept, or new ones where a layer was given others.
    func plans<Variant, Plan>(
      _ key: Key, for weight: LayerWeight, _ bias: Tensor?
    ) -> LayerPlans<Variant, Plan> {
      let kept = value(key) { LayerPlans<Variant, Plan>(weight: weight, bias: bias) }
      return kept.serves(weight, bias) ? kept : LayerPlans(weight: weight, bias: bias)
    }
  }

  /// A primitive with weights, ready to run on inputs of one shape.
  final class LayerPlan: WeightedPlan {
    /// What a primitive does after the product.
    struct Post: Hashable, Sendable {
      var addsResidual: Bool
      var rectifies: Bool
    }

    /// The detour of a primitive that is faster on another order of its image, both ways included.
    struct Detour: Sendable {
      private let entry, exit: CompiledPrimitive
      private let entryBytes, exitBytes: Int

      /// - Parameters:
      ///   - source: The image's order and the primitive's.
      ///   - destination: The primitive's order and the result's.
      init(
        source: (MemoryDescription, MemoryDescription),
        destination: (MemoryDescription, MemoryDescription)
      ) throws {
        let library = try OneDNNLibrary.shared()
        entry = CompiledPrimitive(try library.reorder(from: source.0, to: source.1))
        exit = CompiledPrimitive(try library.reorder(from: destination.0, to: destination.1))
        (entryBytes, exitBytes) = (source.1.byteCount, destination.0.byteCount)
      }

      /// - Parameter body: Runs the primitive from one address to another.
      func run(
        from source: UnsafeRawPointer, to destination: UnsafeRawPointer?,
        _ body: (UnsafeRawPointer?, UnsafeRawPointer?) throws -> Void
      ) throws {
        _ = try TensorStorage(byteCount: entryBytes) { input in
          try entry.run { arguments in
            arguments[0] = source
            arguments[1] = UnsafeRawPointer(input.baseAddress)
          }
          _ = try TensorStorage(byteCount: exitBytes) { output in
            try body(UnsafeRawPointer(input.baseAddress), UnsafeRawPointer(output.baseAddress))
            try exit.run { arguments in
              arguments[0] = UnsafeRawPointer(output.baseAddress)
              arguments[1] = destination
            }
          }
        }
      }
    }

    private let weights: PackedWeights
    var packed: [PackedWeights] { [weights] }
    /// What of the epilogue the primitive does; the rest is left to do.
    let post: Post
    private let primitive: CompiledPrimitive
    /// Row-major and aligned, so that no call copies it.
    private let bias: Tensor?
    private let detour: Detour?

    /// Whether the image is reordered for the primitive, and its result back.
    var isDetour: Bool { detour != nil }

    /// - Parameters:
    ///   - packed: Packed forms that exist already; one of them is used if it fits.
    ///   - dtype: What holds the weights' values.
    ///   - weight: Gives the row-major weights that `plain` describes.
    init(
      _ description: PrimitiveDescription, post: Post, packed: [PackedWeights],
      keptAs dtype: DType, plain: MemoryDescription, bias: Tensor?, detour: Detour? = nil,
      _ weight: () throws -> Tensor
    ) throws {
      self.post = post
      self.detour = detour
      let primitive = CompiledPrimitive(description)
      let wanted = primitive.description(at: 1)
      weights =
        try packed.first { $0.description.isEqual(to: wanted) }
        ?? PackedWeights(weight(), plain: plain, as: wanted, keptAs: dtype)
      self.primitive = primitive
      self.bias = try bias?.contiguous().aligned()
    }

    /// Compiles with as much of the wanted epilogue as the library can be trusted with.
    static func compiled(
      _ wanted: Post, destination: MemoryDescription,
      _ compile: (PostOperations) throws -> PrimitiveDescription
    ) throws -> (PrimitiveDescription, Post) {
      let all = try compile(
        PostOperations(
          addend: wanted.addsResidual ? destination : nil, rectifies: wanted.rectifies))
      if !wanted.addsResidual || all.addsRightly { return (all, wanted) }
      all.destroy()
      return (try compile(PostOperations()), Post(addsResidual: false, rectifies: false))
    }

    /// Runs on dense inputs and gives the output's storage.
    ///
    /// - Parameter finish: Does to the output what the primitive does not.
    func run(
      _ source: Tensor, residual: Tensor?, count: Int,
      _ finish: (UnsafeMutablePointer<Float>) -> Void
    ) throws -> TensorStorage {
      try TensorStorage(byteCount: count * MemoryLayout<Float>.stride) { bytes in
        let result = UnsafeRawPointer(bytes.baseAddress)
        try source.withUnsafeElements { (elements: UnsafePointer<Float>) in
          let input = UnsafeRawPointer(elements)
          if let detour {
            try detour.run(from: input, to: result) { try compute($0, residual, $1) }
          } else {
            try compute(input, residual, result)
          }
        }
        if let output = bytes.bindMemory(to: Float.self).baseAddress { finish(output) }
      }
    }

    /// Runs the primitive. It executes inside of the calls that lend it its arguments' addresses.
    private func compute(
      _ input: UnsafeRawPointer?, _ residual: Tensor?, _ output: UnsafeRawPointer?
    ) throws {
      let addend = post.addsResidual ? residual : nil
      try weights.withElements { weights in
        try bias.withOptionalElements { (bias: UnsafePointer<Float>?) in
          try addend.withOptionalElements { (addend: UnsafePointer<Float>?) in
            try primitive.run { arguments in
              arguments[0] = input
              arguments[1] = weights
              var next = 2
              if let bias {
                arguments[next] = UnsafeRawPointer(bias)
                next += 1
              }
              arguments[next] = output
              if let addend { arguments[next + 1] = UnsafeRawPointer(addend) }
            }
          }
        }
      }
    }
  }
#endif
