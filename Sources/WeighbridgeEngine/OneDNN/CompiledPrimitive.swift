#if OneDNN
  import COneDNN
  import Synchronization

  /// A primitive that is ready to run, from any number of threads at a time.
  ///
  /// A call needs memory objects that carry the addresses of its arguments. They are kept in sets,
  /// each used by one call at a time, so that a call allocates nothing once the layer is warm.
  final class CompiledPrimitive: @unchecked Sendable {
    private let primitive: dnnl_primitive_t
    private let arguments: [(index: Int32, description: MemoryDescription)]
    private let scratchpadBytes: Int
    private let idle = Mutex<[ArgumentSet]>([])

    init(_ description: PrimitiveDescription) {
      primitive = description.handle
      arguments = description.arguments
      scratchpadBytes = description.scratchpadBytes
    }

    deinit {
      dnnl_primitive_destroy(primitive)
    }

    /// How the argument at a position lies in memory, as the primitive wants it.
    func description(at position: Int) -> MemoryDescription { arguments[position].description }

    /// Runs the primitive. `bind` sets every argument's address; the scratchpad, always last, is
    /// this method's own. It cannot throw, so that no tensor can be asked for its address within:
    /// addresses come from outside, and outlive the run.
    ///
    /// - Throws: `engine` with the library's reason.
    @inline(__always)
    func run(_ bind: (ArgumentSet) -> Void) throws {
      let set = try idle.withLock { $0.popLast() } ?? ArgumentSet(arguments)
      defer { idle.withLock { $0.append(set) } }
      bind(set)
      if scratchpadBytes == 0 {
        try set.execute(primitive)
      } else {
        _ = try TensorStorage(byteCount: scratchpadBytes) { bytes in
          set[arguments.count - 1] = UnsafeRawPointer(bytes.baseAddress)
          try set.execute(primitive)
        }
      }
    }
  }

  /// The memory objects of one call, and the stream that it runs on.
  final class ArgumentSet: @unchecked Sendable {
    private let stream: dnnl_stream_t
    private let list: UnsafeMutableBufferPointer<dnnl_exec_arg_t>
    private var status = dnnl_success

    fileprivate init(_ arguments: [(index: Int32, description: MemoryDescription)]) throws {
      var stream: dnnl_stream_t?
      try check(
        dnnl_stream_create(
          &stream, OneDNNLibrary.shared().engine, dnnl_stream_default_flags.rawValue),
        "make a stream")
      guard let stream else { throw WeighbridgeError(.engine, "oneDNN made no stream") }
      var made: [dnnl_exec_arg_t] = []
      do {
        for argument in arguments {
          made.append(
            dnnl_exec_arg_t(
              arg: argument.index, memory: try argument.description.makeMemory(nil)))
        }
      } catch {
        for argument in made { dnnl_memory_destroy(argument.memory) }
        dnnl_stream_destroy(stream)
        throw error
      }
      self.stream = stream
      list = .allocate(capacity: made.count)
      _ = list.initialize(from: made)
    }

    deinit {
      for argument in list { dnnl_memory_destroy(argument.memory) }
      list.deallocate()
      dnnl_stream_destroy(stream)
    }

    /// Sets the address of the argument at a position. The library writes to destinations alone.
    subscript(position: Int) -> UnsafeRawPointer? {
      @available(*, unavailable) get { nil }
      set {
        let result = dnnl_memory_set_data_handle(
          list[position].memory, UnsafeMutableRawPointer(mutating: newValue))
        if result != dnnl_success { status = result }
      }
    }

    fileprivate func execute(_ primitive: dnnl_primitive_t) throws {
      let bound = status
      status = dnnl_success
      try check(bound, "take an argument")
      try check(
        dnnl_primitive_execute(primitive, stream, Int32(list.count), list.baseAddress),
        "run a primitive")
    }
  }
#endif
