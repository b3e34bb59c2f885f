import WeighbridgeTensors
import WeighbridgeWeights

/// Headers of NumPy arrays, as `numpy.lib.format` writes them.
enum NPYEncoder {
  /// A version 1 header for row-major elements, padded so that they begin at a multiple of 64 bytes.
  ///
  /// - Throws: `unsupported` for a dtype that NumPy has not.
  static func header(_ dtype: DType, _ shape: Shape) throws -> [UInt8] {
    try header(type: code(of: dtype), shape: shape)
  }

  /// NumPy's name of a dtype.
  ///
  /// - Throws: `unsupported` for one that NumPy has not.
  static func code(of dtype: DType) throws -> String {
    guard let type = typeString(dtype) else {
      throw WeighbridgeError(
        .unsupported, "NumPy files cannot hold \(dtype)",
        remedy: "Convert to float32, or write safetensors")
    }
    return type
  }

  /// A text as an array without axes.
  static func array(text: String) -> [UInt8] {
    let scalars = Array(text.unicodeScalars)
    var bytes = header(type: "<U\(max(1, scalars.count))", shape: [])
    for scalar in scalars.isEmpty ? ["\0"] : scalars {
      withUnsafeBytes(of: scalar.value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private static func header(type: String, shape: Shape) -> [UInt8] {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.rank == 1 ? "," : "")
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
    let total = (10 + text.utf8.count + 1 + 63) / 64 * 64
    text += String(repeating: " ", count: total - 11 - text.utf8.count) + "\n"
    let length = UInt16(text.utf8.count)
    return NPYHeader.magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(text.utf8)
  }

  private static func typeString(_ dtype: DType) -> String? {
    switch dtype {
    case .float16: "<f2"
    case .bfloat16, .float8E4M3, .float8E5M2: nil
    case .float32: "<f4"
    case .float64: "<f8"
    case .int8: "|i1"
    case .int16: "<i2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint8: "|u1"
    case .uint16: "<u2"
    case .uint32: "<u4"
    case .uint64: "<u8"
    case .bool: "|b1"
    }
  }
}

/// Writes a plain `.npy` file, which holds one tensor and no name.
final class NPYWriter: FileWriter {
  let path: String
  private var plan: WritePlan
  private let file: OutputFile
  var output: OutputFile { file }

  init(_ path: String, tensors: [TensorDescription]) throws {
    guard tensors.count == 1 else {
      throw WeighbridgeError(
        .usage, "an npy file holds one tensor, not \(tensors.count)", file: path,
        remedy: "Write an npz")
    }
    self.path = path
    plan = try WritePlan(tensors, path: path)
    file = try OutputFile(path: path)
  }

  func add(_ name: String, _ tensor: Tensor) throws {
    _ = try plan.take(name, tensor)
    do {
      try file.append(NPYEncoder.header(tensor.dtype, tensor.shape))
      try file.append(tensor)
    } catch let error as WeighbridgeError {
      cancel()
      throw error.located(file: path, entry: name)
    }
  }

  func finish() throws {
    do {
      try plan.checkComplete()
      try file.commit()
    } catch {
      cancel()
      throw error
    }
  }

  func cancel() { file.discard() }
}
