import WeighbridgeTensors
import WeighbridgeWeights

/// The pickle of a state dict: an `OrderedDict` of tensors, each a view of a storage of its own, whose
/// key is its position. Protocol 2, as `torch.save` writes it; `torch.load(weights_only=True)` reads it.
///
/// Source: `torch/serialization.py` and `torch/_utils.py` of PyTorch 2.x, `pickletools.py` of Python 3.
struct TorchPickleWriter {
  private(set) var bytes: [UInt8] = [0x80, 2]

  /// - Parameter metadata: Texts that travel along, as the dictionary's attribute `metadata`:
  ///   `load_state_dict` does not see them.
  /// - Throws: `unsupported` for a dtype that PyTorch has not.
  init(_ tensors: [TensorDescription], metadata: [String: String]) throws {
    emptyOrderedDict()
    if !tensors.isEmpty {
      op("(")
      for (key, tensor) in tensors.enumerated() {
        text(tensor.name)
        try add(tensor, key: key)
      }
      op("u")
    }
    if !metadata.isEmpty {
      op("}")
      text("metadata")
      op("}(")
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
        text(key)
        text(value)
      }
      op("us")
      op("b")
    }
    op(".")
  }

  private mutating func add(_ tensor: TensorDescription, key: Int) throws {
    let storage = tensor.dtype.torchStorage
    let count = tensor.shape.elementCount
    global("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    op("(")
    // The storage: ("storage", type, key, location, count), kept outside.
    op("(")
    text("storage")
    if let storage {
      global("torch", storage)
    } else {
      global("torch.storage", "UntypedStorage")
    }
    text(String(key))
    text("cpu")
    integer(storage == nil ? count * tensor.dtype.byteCount : count)
    op("tQ")
    integer(0)
    tuple(tensor.shape.dimensions)
    tuple(tensor.shape.contiguousStrides)
    bytes.append(0x89)  // requires_grad is False
    emptyOrderedDict()  // no hooks
    if storage == nil { global("torch", tensor.dtype.rawValue) }
    op("tR")
  }

  private mutating func emptyOrderedDict() {
    global("collections", "OrderedDict")
    op(")R")
  }

  private mutating func op(_ letters: StaticString) {
    letters.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func global(_ module: String, _ name: String) {
    bytes += Array("c\(module)\n\(name)\n".utf8)
  }

  private mutating func text(_ text: String) {
    op("X")
    little(UInt32(text.utf8.count))
    bytes += Array(text.utf8)
  }

  private mutating func tuple(_ values: [Int]) {
    op("(")
    for value in values { integer(value) }
    op("t")
  }

  private mutating func integer(_ value: Int) {
    if let byte = UInt8(exactly: value) {
      op("K")
      bytes.append(byte)
    } else if let word = Int32(exactly: value) {
      op("J")
      little(word)
    } else {
      bytes += [0x8a, 8]
      little(Int64(value))
    }
  }

  private mutating func little(_ value: some FixedWidthInteger & BitwiseCopyable) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

extension DType {
  /// The class of a typed storage; `nil` for the dtypes that PyTorch keeps in untyped ones.
  fileprivate var torchStorage: String? {
    switch self {
    case .float32: "FloatStorage"
    case .float64: "DoubleStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int64: "LongStorage"
    case .int32: "IntStorage"
    case .int16: "ShortStorage"
    case .int8: "CharStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .uint16, .uint32, .uint64, .float8E4M3, .float8E5M2: nil
    }
  }
}
