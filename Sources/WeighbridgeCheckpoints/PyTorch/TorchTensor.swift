import WeighbridgeTensors

/// A tensor or array that a pickle describes. Kept by reference: there may be millions, and each stands
/// in several lists.
indirect enum TorchTensor: Sendable {
  /// A view of a storage, in elements; without strides where it is row-major.
  case view(TorchStorageID, dtype: DType, shape: Shape, strides: [Int]?, offset: Int)
  /// A NumPy array, whose bytes lie in the pickle.
  case array(NumPyArray)
}

/// A NumPy array in a pickle.
struct NumPyArray: Sendable {
  enum Bytes: Sendable {
    case range(Range<Int>)
    /// Protocol 2 has no bytes: each stands for the character of its number.
    case latin1(String)
  }

  var elements: NPYHeader.Elements
  var shape: Shape
  var isFortranOrder: Bool
  var bytes: Bytes
}

extension PickleHeap {
  /// What a value is, if it is a tensor or an array; `nil` for everything else.
  ///
  /// Source: `torch/_utils.py` and `torch/_tensor.py` of PyTorch 2.x, `numpy/_core/multiarray.py`.
  func tensor(_ value: PickleValue) -> Result<TorchTensor, SkipError>? {
    guard let node = node(value) else { return nil }
    switch node.kind {
    case .tensor(let tensor): return .success(tensor)
    case .object(let global, let arguments):
      return tensor(global, sequence(arguments) ?? [], state: state(of: value), depth: 0)
    case .tuple, .list, .set, .dictionary, .persistent: return nil
    }
  }

  /// What a call of PyTorch's would make, if that is a view of a storage.
  func rebuiltView(
    _ global: PickleGlobal, _ arguments: PickleValue
  ) -> Result<TorchTensor, SkipError>? {
    guard Self.viewMakers.contains(global.name), global.module == "torch._utils" else { return nil }
    return tensor(global, sequence(arguments) ?? [], state: .none, depth: 0)
  }

  private static let viewMakers: Set<String> = [
    "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
  ]

  private func tensor(
    _ global: PickleGlobal, _ arguments: [PickleValue], state: PickleValue, depth: Int
  ) -> Result<TorchTensor, SkipError>? {
    switch global.qualified {
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
      return view(arguments, dtype: nil, metadata: arguments.count > 6 ? arguments[6] : .none)
    case "torch._utils._rebuild_tensor_v3":
      guard arguments.count > 6, case .global(let dtype) = arguments[6] else { return damaged }
      return view(
        arguments, dtype: TorchElement(dtype: dtype.name),
        metadata: arguments.count > 7 ? arguments[7] : .none)
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
      "torch._utils._rebuild_device_tensor_from_numpy":
      return inner(arguments.first, depth)
    case "torch._tensor._rebuild_from_type_v2":
      guard arguments.count > 2, case .global(let function) = arguments[0], depth < 4 else {
        return damaged
      }
      return tensor(function, sequence(arguments[2]) ?? [], state: .none, depth: depth + 1)
        ?? damaged
    case "torch._utils._rebuild_qtensor": return refused("is a quantised tensor")
    case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor":
      return refused("is a sparse tensor")
    case "torch._utils._rebuild_nested_tensor": return refused("is a nested tensor")
    case "torch._utils._rebuild_meta_tensor_no_storage":
      return refused("is a tensor on the meta device, without values")
    case "torch._utils._rebuild_wrapper_subclass":
      return refused("is a tensor of a class of its own")
    case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct":
      return array(state)
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar":
      guard arguments.count > 1 else { return damaged }
      return array(arguments[0], shape: [], isFortranOrder: false, arguments[1])
    case "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer":
      guard arguments.count > 3, let extents = sequence(arguments[2]) else { return damaged }
      return array(
        arguments[1], shape: extents, isFortranOrder: arguments[3].text == "F", arguments[0])
    default: return nil
    }
  }

  /// What a wrapper's first argument is.
  private func inner(_ value: PickleValue?, _ depth: Int) -> Result<TorchTensor, SkipError>? {
    guard let value, let node = node(value), depth < 4 else { return damaged }
    if case .tensor(let tensor) = node.kind { return .success(tensor) }
    guard case .object(let global, let arguments) = node.kind else { return damaged }
    return tensor(global, sequence(arguments) ?? [], state: state(of: value), depth: depth + 1)
      ?? damaged
  }

  private func view(
    _ arguments: [PickleValue], dtype known: TorchElement?, metadata: PickleValue
  ) -> Result<TorchTensor, SkipError> {
    guard arguments.count > 3, let storage = node(arguments[0]),
      case .persistent(let id) = storage.kind, let offset = arguments[1].integer, offset >= 0,
      let extents = integers(arguments[2]), let strides = integers(arguments[3]),
      extents.count == strides.count, extents.count <= 64
    else { return damaged }
    for flag in ["conj", "neg"] where member(flag, of: metadata)?.integer == 1 {
      return refused("is a lazily \(flag == "conj" ? "conjugated" : "negated") tensor")
    }
    do {
      let storage = try TorchStorageID(id, in: self)
      switch known ?? storage.dtype {
      case .number(let dtype)?:
        let shape = try Shape.validated(extents, dtype: dtype)
        guard strides.allSatisfy({ $0 >= 0 }) else { return damaged }
        return .success(
          .view(
            storage, dtype: dtype, shape: shape,
            strides: strides == shape.contiguousStrides ? nil : strides, offset: offset))
      case .other(let name, _)?:
        return .failure(SkipError(SkipReason(.dtype, "is of torch.\(name), which is not read")))
      case nil:
        return .failure(SkipError(SkipReason(.dtype, "is a tensor of unknown elements")))
      }
    } catch {
      return .failure(SkipError(error))
    }
  }

  /// An array from what `__setstate__` would get: (version, shape, dtype, is_fortran, bytes).
  private func array(_ state: PickleValue) -> Result<TorchTensor, SkipError> {
    guard let parts = sequence(state), parts.count == 5, let extents = sequence(parts[1]) else {
      return damaged
    }
    return array(
      parts[2], shape: extents, isFortranOrder: parts[3].integer == 1, parts[4])
  }

  private func array(
    _ dtype: PickleValue, shape: [PickleValue], isFortranOrder: Bool, _ data: PickleValue
  ) -> Result<TorchTensor, SkipError> {
    let extents = shape.compactMap(\.integer)
    guard extents.count == shape.count, extents.count <= 64, let name = typeString(dtype) else {
      return damaged
    }
    let bytes: NumPyArray.Bytes
    if case .bytes(let range) = data {
      bytes = .range(range)
    } else if let text = encodedBytes(data) {
      bytes = .latin1(text)
    } else if sequence(data) != nil {
      return .failure(SkipError(SkipReason(.objects, "is an array of Python objects")))
    } else {
      return damaged
    }
    do {
      let elements = try NPYHeader.Elements(typeString: name)
      guard case .numbers(let dtype, _) = elements else {
        return .failure(SkipError(SkipReason(.dtype, "is an array of NumPy's '\(name)'")))
      }
      return .success(
        .array(
          NumPyArray(
            elements: elements, shape: try Shape.validated(extents, dtype: dtype),
            isFortranOrder: isFortranOrder, bytes: bytes)))
    } catch {
      return .failure(SkipError(error))
    }
  }

  /// `<f4` from `numpy.dtype("f4", False, True)` and its state, whose second part is the byte order.
  private func typeString(_ value: PickleValue) -> String? {
    guard let node = node(value), case .object(let global, let arguments) = node.kind,
      global.qualified == "numpy.dtype", let name = sequence(arguments)?.first?.text
    else { return nil }
    let order = sequence(state(of: value)).flatMap { $0.count > 1 ? $0[1].text : nil } ?? "<"
    return (order == "=" ? "<" : order) + name
  }

  /// The text of `_codecs.encode(text, "latin1")`, or of an empty `bytes()`.
  private func encodedBytes(_ value: PickleValue) -> String? {
    if let text = value.text { return text }  // Python 2's str
    guard let node = node(value), case .object(let global, let arguments) = node.kind else {
      return nil
    }
    let parts = sequence(arguments) ?? []
    switch global.qualified {
    case "_codecs.encode" where parts.count == 2: return parts[0].text
    case "__builtin__.bytes" where parts.isEmpty, "builtins.bytes" where parts.isEmpty: return ""
    default: return nil
    }
  }

  /// The integers of a tuple, list or `torch.Size`.
  private func integers(_ value: PickleValue) -> [Int]? {
    var items = sequence(value)
    if items == nil, let node = node(value), case .object(let global, let arguments) = node.kind,
      global.qualified == "torch.Size"
    {
      items = sequence(arguments)?.first.flatMap(sequence)
    }
    guard let items else { return nil }
    let integers = items.compactMap(\.integer)
    return integers.count == items.count ? integers : nil
  }

  private var damaged: Result<TorchTensor, SkipError> {
    .failure(
      SkipError(SkipReason(.damaged, "is described by arguments that make no tensor")))
  }

  private func refused(_ clause: String) -> Result<TorchTensor, SkipError> {
    .failure(SkipError(SkipReason(.encoding, clause + ", which is not read")))
  }
}

/// Why something is no tensor to read, as an error.
struct SkipError: Error, Sendable {
  let reason: SkipReason

  init(_ reason: SkipReason) { self.reason = reason }

  init(_ error: any Error) {
    reason =
      (error as? WeighbridgeError).map { SkipReason($0) }
      ?? SkipReason(.damaged, "cannot be read")
  }
}
