import WeighbridgeTensors
import WeighbridgeWeights

/// A `TensorProto`: where its elements are, and of what kind.
///
/// Source: onnx/onnx.proto3 of ONNX 1.x.
struct ONNXTensor: Sendable {
  enum Elements: Sendable, Hashable {
    /// Little-endian, as they are.
    case plain(Range<Int>)
    /// In a field of numbers of the message: floats, variable-length integers, doubles.
    case listed(field: Int)
  }

  let dtype: DType
  let shape: Shape
  let elements: Elements
  private let message: Range<Int>

  private enum Field {
    static let (dims, type, segment, name, raw, external, location) = (1, 2, 3, 8, 9, 13, 14)
    static let (floats, int32s, strings, int64s, doubles, uint64s) = (4, 5, 6, 7, 10, 11)
  }

  private static let types: [UInt64: (dtype: DType, field: Int)] = [
    1: (.float32, Field.floats), 2: (.uint8, Field.int32s), 3: (.int8, Field.int32s),
    4: (.uint16, Field.int32s), 5: (.int16, Field.int32s), 6: (.int32, Field.int32s),
    7: (.int64, Field.int64s), 9: (.bool, Field.int32s), 10: (.float16, Field.int32s),
    11: (.float64, Field.doubles), 12: (.uint32, Field.uint64s), 13: (.uint64, Field.uint64s),
    16: (.bfloat16, Field.int32s), 17: (.float8E4M3, Field.int32s),
    19: (.float8E5M2, Field.int32s),
  ]

  private static let others: [UInt64: String] = [
    8: "text", 14: "complex64", 15: "complex128", 18: "float8e4m3fnuz", 20: "float8e5m2fnuz",
    21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0",
  ]

  /// The name of a tensor; the first that is found, for a message that is damaged.
  static func name(_ message: Range<Int>, in file: UnsafeRawBufferPointer) -> String {
    var reader = ProtobufReader(file, message)
    while let field = try? reader.next() {
      if field.number == Field.name, let range = field.bytes { return reader.text(range) }
    }
    return ""
  }

  /// - Throws: `malformed` or `unsupported`, or `SkipError` with the reason why it is no tensor.
  init(_ message: Range<Int>, in file: UnsafeRawBufferPointer) throws {
    self.message = message
    var reader = ProtobufReader(file, message)
    var (extents, type, raw): ([Int], UInt64, Range<Int>?) = ([], 0, nil)
    var counts: [Int: Int] = [:]
    var (isExternal, location): (Bool, String?) = (false, nil)
    while let field = try reader.next() {
      switch field.number {
      case Field.dims: try ONNXTensor.addExtents(field, file, &extents)
      case Field.type: type = field.varint ?? 0
      case Field.segment:
        throw SkipError(SkipReason(.encoding, "is stored in segments, which are not read"))
      case Field.raw: raw = field.bytes
      case Field.external:
        isExternal = true
        location = location ?? field.bytes.flatMap { ONNXTensor.location($0, in: file) }
      case Field.location: isExternal = isExternal || field.varint == 1
      case Field.floats, Field.int32s, Field.int64s, Field.doubles, Field.uint64s:
        counts[field.number, default: 0] += try ONNXTensor.count(field, file)
      default: break
      }
    }
    guard !isExternal else {
      let place = location.map { " ('\($0.shortened(to: 64))')" } ?? ""
      throw SkipError(
        SkipReason(
          .link, "its values lie in another file\(place), which is never opened",
          remedy: "Save the model in one file"))
    }
    guard let known = ONNXTensor.types[type] else {
      guard type != 8 else { throw SkipError(SkipReason(.text, "is text, not a tensor")) }
      let name = ONNXTensor.others[type].map { "is of \($0)" } ?? "is of an unknown type (\(type))"
      throw SkipError(SkipReason(.dtype, "\(name), which is not read"))
    }
    dtype = known.dtype
    shape = try Shape.validated(extents, dtype: dtype)
    if let raw {
      elements = .plain(raw)
      guard raw.count == shape.elementCount * dtype.byteCount else { throw misfit(raw.count) }
    } else {
      elements = .listed(field: known.field)
      let count = counts[known.field] ?? 0
      guard count == shape.elementCount else { throw misfit(count * dtype.byteCount) }
    }
  }

  private func misfit(_ byteCount: Int) -> WeighbridgeError {
    WeighbridgeError(
      .malformed,
      "the shape \(shape) of \(dtype) needs \(shape.elementCount * dtype.byteCount) bytes, "
        + "and there are \(byteCount)")
  }

  /// Extents, one by one or packed.
  private static func addExtents(
    _ field: ProtobufReader.Field, _ file: UnsafeRawBufferPointer, _ extents: inout [Int]
  ) throws {
    func add(_ value: UInt64) throws {
      guard extents.count < 64 else { throw ProtobufReader.damaged("a tensor has over 64 axes") }
      extents.append(Int(truncatingIfNeeded: value))
    }
    switch field.value {
    case .varint(let value): try add(value)
    case .bytes(let range):
      var packed = ProtobufReader(file, range)
      while packed.position < packed.end { try add(packed.varint()) }
    case .fixed: break
    }
  }

  /// How many numbers a field holds: one, or packed ones.
  private static func count(
    _ field: ProtobufReader.Field, _ file: UnsafeRawBufferPointer
  ) throws -> Int {
    guard case .bytes(let range) = field.value else { return 1 }
    switch field.number {
    case Field.floats: return range.count / 4
    case Field.doubles: return range.count / 8
    default: return file[range].reduce(0) { $0 + ($1 & 0x80 == 0 ? 1 : 0) }
    }
  }

  /// The name of the file in which elements lie.
  private static func location(_ pair: Range<Int>, in file: UnsafeRawBufferPointer) -> String? {
    var reader = ProtobufReader(file, pair)
    var (key, value): (String?, String?)
    while let field = try? reader.next() {
      guard let range = field.bytes, range.count <= 4096 else { continue }
      if field.number == 1 { key = reader.text(range) }
      if field.number == 2 { value = reader.text(range) }
    }
    return key == "location" ? value : nil
  }
}

extension ONNXTensor {
  var storage: StorageNote {
    if case .plain = elements { .inPlace } else { .copied("a list of numbers") }
  }

  /// The tensor: in place where its bytes are plain.
  func tensor(_ map: MappedFile) throws -> Tensor {
    switch elements {
    case .plain(let range):
      return try Tensor(
        dtype: dtype, shape: shape,
        storage: map.storage(offset: range.lowerBound, count: range.count))
    case .listed(let number):
      let byteCount = shape.elementCount * dtype.byteCount
      let storage = try TensorStorage(byteCount: byteCount) { output in
        let output = UnsafeMutableRawBufferPointer(rebasing: output[..<byteCount])
        try map.withBytes { try copy(number, from: $0, to: output) }
      }
      return try Tensor(dtype: dtype, shape: shape, storage: storage)
    }
  }

  /// Copies the numbers of a field, each cut to the size of an element.
  private func copy(
    _ number: Int, from file: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer
  ) throws {
    var filled = 0
    func add(_ bits: UInt64) {
      guard filled + dtype.byteCount <= output.count else { return }
      withUnsafeBytes(of: bits.littleEndian) {
        output[filled..<(filled + dtype.byteCount)].copyBytes(from: $0.prefix(dtype.byteCount))
      }
      filled += dtype.byteCount
    }
    var reader = ProtobufReader(file, message)
    while let field = try reader.next() {
      guard field.number == number else { continue }
      switch field.value {
      case .varint(let value): add(value)
      case .fixed(let range): filled += output.copy(file[range], at: filled, dtype.byteCount)
      case .bytes(let range) where dtype == .float32 || dtype == .float64:
        filled += output.copy(file[range], at: filled, dtype.byteCount)
      case .bytes(let range):
        var packed = ProtobufReader(file, range)
        while packed.position < packed.end { add(try packed.varint()) }
      }
    }
    guard filled == output.count else {
      throw ProtobufReader.damaged("a tensor has too few values")
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Copies whole elements as far as they fit, and returns how many bytes that were.
  fileprivate func copy(
    _ bytes: Slice<UnsafeRawBufferPointer>, at offset: Int, _ size: Int
  ) -> Int {
    let count = Swift.min(bytes.count, self.count - offset) / size * size
    self[offset..<(offset + count)].copyBytes(from: bytes.prefix(count))
    return count
  }
}
