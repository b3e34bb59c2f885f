#if OneDNN
  import COneDNN
  import WeighbridgeParallel

  // What differs between oneDNN 2.x and 3.x stands in COneDNN's header; executing is the same in both.

  /// The library itself: its CPU engine, its version, and what it runs on.
  struct OneDNNLibrary: @unchecked Sendable {
    /// The process's CPU engine; it lives as long as the process and may be used from any thread.
    let engine: dnnl_engine_t

    private static let loaded = Result { () throws(WeighbridgeError) in try OneDNNLibrary() }

    /// - Throws: `engine` when the library cannot make a CPU engine.
    static func shared() throws(WeighbridgeError) -> OneDNNLibrary { try loaded.get() }

    private init() throws(WeighbridgeError) {
      Parallel.serveOneDNN()
      var handle: dnnl_engine_t?
      try check(dnnl_engine_create(&handle, dnnl_cpu, 0), "start on this processor")
      guard let handle else {
        throw WeighbridgeError(.engine, "oneDNN could not start on this processor")
      }
      engine = handle
    }

    /// The version in use, such as 2.6.3.
    static let version: String = {
      guard let version = dnnl_version()?.pointee else { return "of unknown version" }
      return "\(version.major).\(version.minor).\(version.patch)"
    }()

    /// The number of float32 lanes of the widest vectors that the library's kernels use here.
    static let lanes: Int = {
      let avx512 = dnnl_cpu_isa_avx512_core.rawValue
      return dnnl_get_effective_cpu_isa().rawValue & avx512 == avx512 ? 16 : 8
    }()
  }

  /// Throws what a status other than success means.
  ///
  /// - Parameter action: What failed, to follow "oneDNN could not".
  @inline(__always)
  func check(
    _ status: dnnl_status_t, _ action: @autoclosure () -> String
  ) throws(WeighbridgeError) {
    guard status != dnnl_success else { return }
    let reason = dnnl_status2str(status).map { String(cString: $0) } ?? "status \(status.rawValue)"
    throw WeighbridgeError(.engine, "oneDNN could not \(action()): \(reason)")
  }

  /// How the float32 elements of one argument lie in memory.
  final class MemoryDescription: @unchecked Sendable {
    fileprivate let handle: onednn_description_t

    private init(taking handle: onednn_description_t) { self.handle = handle }

    deinit { onednn_description_destroy(handle) }

    private init(
      _ action: @autoclosure () -> String,
      _ make: (inout onednn_description_t?) -> dnnl_status_t
    ) throws(WeighbridgeError) {
      var made: onednn_description_t?
      try check(make(&made), action())
      guard let made else { throw WeighbridgeError(.engine, "oneDNN could not \(action())") }
      handle = made
    }

    /// Elements at these strides, or in whatever order suits the library when `strides` is nil.
    convenience init(_ shape: [Int], strides: [Int]?) throws(WeighbridgeError) {
      let dimensions = shape.map { Int64($0) }
      guard let strides else {
        try self.init(shape, tag: dnnl_format_tag_any)
        return
      }
      try self.init("describe \(shape) with strides \(strides)") {
        onednn_describe_strides(&$0, Int32(shape.count), dimensions, strides.map { Int64($0) })
      }
    }

    private convenience init(
      _ shape: [Int], tag: dnnl_format_tag_t
    ) throws(WeighbridgeError) {
      try self.init("describe \(shape)") {
        onednn_describe_tag(&$0, Int32(shape.count), shape.map { Int64($0) }, tag)
      }
    }

    /// Dense row-major elements.
    convenience init(contiguous shape: [Int]) throws(WeighbridgeError) {
      try self.init(shape, strides: Shape(shape).contiguousStrides)
    }

    /// An image [N, C, H, W] in channels-last order.
    convenience init(channelsLast shape: [Int]) throws(WeighbridgeError) {
      try self.init(shape, tag: dnnl_nhwc)
    }

    /// An image [N, C, H, W] whose channels lie in blocks of eight, each a channels-last image.
    convenience init(channelBlocks shape: [Int]) throws(WeighbridgeError) {
      try self.init(shape, tag: dnnl_nChw8c)
    }

    /// The bytes that the elements take, padding of blocked orders included.
    var byteCount: Int { onednn_description_size(handle) }

    func isEqual(to other: MemoryDescription) -> Bool {
      onednn_description_equal(handle, other.handle) != 0
    }

    /// A memory object over `data`, which must outlive it; with nil, `data` is bound later.
    func makeMemory(_ data: UnsafeMutableRawPointer?) throws(WeighbridgeError) -> dnnl_memory_t {
      let engine = try OneDNNLibrary.shared().engine
      var memory: dnnl_memory_t?
      try check(onednn_make_memory(&memory, handle, engine, data), "make a memory object")
      guard let memory else { throw WeighbridgeError(.engine, "oneDNN made no memory object") }
      return memory
    }

    /// What a primitive wants for an argument; nil when it takes none.
    fileprivate static func wanted(
      by primitive: dnnl_primitive_desc_t, _ query: dnnl_query_t, _ index: Int32 = 0
    ) -> MemoryDescription? {
      onednn_describe_wanted(primitive, query, index).map { MemoryDescription(taking: $0) }
    }
  }

  /// What a primitive does to its result before it writes it.
  struct PostOperations {
    /// Added to the result.
    var addend: MemoryDescription?
    var rectifies = false
  }

  /// An operation that the library has compiled for given layouts.
  ///
  /// The arguments' order is that of `arguments`; the descriptions are those the primitive wants.
  struct PrimitiveDescription {
    var handle: dnnl_primitive_t
    var arguments: [(index: Int32, description: MemoryDescription)]
    var scratchpadBytes: Int
    /// The library's name for the kernel that it chose.
    var kernel: String

    /// Frees the primitive, unless a `CompiledPrimitive` took it over.
    func destroy() { dnnl_primitive_destroy(handle) }

    /// Whether an addend is added rightly: the matrix-product forms of convolution in 2.6 take it
    /// from the wrong place, so that only the forms that were tested are trusted with one.
    var addsRightly: Bool { kernel.hasPrefix("jit") || kernel.hasPrefix("brg") }
  }

  extension OneDNNLibrary {
    /// source ⋆ weights + bias. `weights` has five axes when grouped; `dilation` 1 is none.
    func convolution(
      source: MemoryDescription, weights: MemoryDescription, bias: MemoryDescription?,
      destination: MemoryDescription, geometry: ConvolutionGeometry, post: PostOperations
    ) throws(WeighbridgeError) -> PrimitiveDescription {
      let (stride, dilation, padding) = (geometry.stride, geometry.dilation, geometry.padding)
      var window = onednn_window_t(
        stride: (Int64(stride.height), Int64(stride.width)),
        dilation: (Int64(dilation.height) - 1, Int64(dilation.width) - 1),
        before: (Int64(padding.top), Int64(padding.left)),
        after: (Int64(padding.bottom), Int64(padding.right)))
      return try compile("a convolution", hasBias: bias != nil, post) { plan, attributes in
        onednn_plan_convolution(
          &plan, engine, source.handle, weights.handle, bias?.handle, destination.handle, &window,
          attributes)
      }
    }

    /// source[M, in] · weights[out, in]ᵀ + bias.
    func innerProduct(
      source: MemoryDescription, weights: MemoryDescription, bias: MemoryDescription?,
      destination: MemoryDescription, post: PostOperations
    ) throws(WeighbridgeError) -> PrimitiveDescription {
      try compile("a linear map", hasBias: bias != nil, post) { plan, attributes in
        onednn_plan_inner_product(
          &plan, engine, source.handle, weights.handle, bias?.handle, destination.handle,
          attributes)
      }
    }

    /// a · b over the last two axes, plus a bias of the same rank.
    func matmul(
      _ a: MemoryDescription, _ b: MemoryDescription, bias: MemoryDescription?,
      destination: MemoryDescription, post: PostOperations
    ) throws(WeighbridgeError) -> PrimitiveDescription {
      try compile("a matrix product", hasBias: bias != nil, post) { plan, attributes in
        onednn_plan_product(
          &plan, engine, a.handle, b.handle, bias?.handle, destination.handle, attributes)
      }
    }

    /// The same elements in another order.
    func reorder(
      from source: MemoryDescription, to destination: MemoryDescription
    ) throws(WeighbridgeError) -> PrimitiveDescription {
      let attributes = try attributes(PostOperations())
      defer { dnnl_primitive_attr_destroy(attributes) }
      var description: dnnl_primitive_desc_t?
      let status = onednn_plan_reorder(
        &description, engine, source.handle, destination.handle, attributes)
      try check(status, "plan a reordering")
      return try finish(
        description, [(DNNL_ARG_FROM, source), (DNNL_ARG_TO, destination)], "a reordering")
    }

    /// Compiles an operation with source, weights, an optional bias and a destination.
    private func compile(
      _ name: String, hasBias: Bool, _ post: PostOperations,
      _ plan: (inout dnnl_primitive_desc_t?, dnnl_primitive_attr_t?) -> dnnl_status_t
    ) throws(WeighbridgeError) -> PrimitiveDescription {
      let attributes = try attributes(post)
      defer { dnnl_primitive_attr_destroy(attributes) }
      var description: dnnl_primitive_desc_t?
      try check(plan(&description, attributes), "plan \(name)")
      var arguments: [(Int32, MemoryDescription?)] = [
        (DNNL_ARG_SRC, description.flatMap { .wanted(by: $0, dnnl_query_src_md) }),
        (DNNL_ARG_WEIGHTS, description.flatMap { .wanted(by: $0, dnnl_query_weights_md) }),
      ]
      // A matrix product calls its second factor weights, but for the query it is a source.
      if arguments[1].1 == nil {
        arguments[1].1 = description.flatMap { .wanted(by: $0, dnnl_query_src_md, 1) }
      }
      if hasBias {
        arguments.append(
          (DNNL_ARG_BIAS, description.flatMap { .wanted(by: $0, dnnl_query_weights_md, 1) }))
      }
      arguments.append((DNNL_ARG_DST, description.flatMap { .wanted(by: $0, dnnl_query_dst_md) }))
      if let addend = post.addend {
        arguments.append((DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | DNNL_ARG_SRC_1, addend))
      }
      return try finish(description, arguments, name)
    }

    private func attributes(
      _ post: PostOperations
    ) throws(WeighbridgeError) -> dnnl_primitive_attr_t? {
      var attributes: dnnl_primitive_attr_t?
      try check(dnnl_primitive_attr_create(&attributes), "make attributes")
      var operations: dnnl_post_ops_t?
      try check(dnnl_post_ops_create(&operations), "make post-operations")
      defer { dnnl_post_ops_destroy(operations) }
      var status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user)
      func then(_ next: () -> dnnl_status_t) {
        if status == dnnl_success { status = next() }
      }
      // Products in full float32, whatever the process's environment asks for.
      then { dnnl_primitive_attr_set_fpmath_mode(attributes, dnnl_fpmath_mode_strict) }
      if let addend = post.addend {
        then { onednn_append_addend(operations, addend.handle) }
      }
      if post.rectifies {
        then { onednn_append_rectifier(operations) }
      }
      then { dnnl_primitive_attr_set_post_ops(attributes, operations) }
      do {
        try check(status, "set attributes")
      } catch {
        dnnl_primitive_attr_destroy(attributes)
        throw error
      }
      return attributes
    }

    private func finish(
      _ description: dnnl_primitive_desc_t?, _ arguments: [(Int32, MemoryDescription?)],
      _ what: String
    ) throws(WeighbridgeError) -> PrimitiveDescription {
      defer { dnnl_primitive_desc_destroy(description) }
      var known: [(index: Int32, description: MemoryDescription)] = []
      for (index, wanted) in arguments {
        guard let wanted else {
          throw WeighbridgeError(.engine, "oneDNN does not say how argument \(index) lies")
        }
        known.append((index, wanted))
      }
      var scratchpad = 0
      if let description,
        let wanted = MemoryDescription.wanted(by: description, dnnl_query_scratchpad_md)
      {
        scratchpad = wanted.byteCount
        known.append((DNNL_ARG_SCRATCHPAD, wanted))
      }
      var name: UnsafePointer<CChar>?
      dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name)
      var primitive: dnnl_primitive_t?
      try check(dnnl_primitive_create(&primitive, description), "compile \(what)")
      guard let primitive else { throw WeighbridgeError(.engine, "oneDNN compiled nothing") }
      return PrimitiveDescription(
        handle: primitive, arguments: known, scratchpadBytes: scratchpad,
        kernel: name.map { String(cString: $0) } ?? "")
    }
  }
#endif
