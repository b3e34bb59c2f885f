import WeighbridgeTensors
import WeighbridgeWeights

/// The elements of a NumPy array whose header is known, made into a tensor.
extension NPYHeader {
  /// The byte count of the elements.
  ///
  /// - Throws: `malformed` when it is larger than any memory.
  func dataByteCount() throws -> Int {
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementSize ?? 0)
    guard !overflow else {
      throw WeighbridgeError(.malformed, "the shape \(shape) is larger than any memory")
    }
    return bytes
  }

  /// Checks that the header and its elements fill exactly `byteCount` bytes.
  ///
  /// - Throws: `malformed` otherwise.
  func check(fills byteCount: Int) throws {
    guard elementSize != nil else { return }
    let (promised, held) = (try dataByteCount(), byteCount - dataOffset)
    guard promised == held else {
      throw WeighbridgeError(
        .malformed, "the header promises \(promised) bytes of elements, \(held) are there",
        remedy: "Save or download the file again")
    }
  }

  /// Why this is no tensor; `nil` for numbers.
  var skipReason: SkipReason? {
    switch elements {
    case .numbers: nil
    case .unicode, .bytes: SkipReason(.text, "is an array of text, not a tensor")
    case .objects:
      SkipReason(
        .objects, "is an array of Python objects, which are pickled and can run code when loaded",
        remedy: "Save plain arrays only")
    case .other(let what): SkipReason(.dtype, "is an array of \(what), which is not read")
    }
  }

  /// How the tensor will be read when its bytes lie plainly in a file.
  var plainStorage: StorageNote {
    if case .numbers(_, bigEndian: true) = elements { return .copied("big-endian") }
    return .inPlace
  }

  /// The tensor, given the bytes of the whole array file: a view, in Fortran order by its strides.
  /// Only big-endian elements are copied.
  func tensor(_ storage: TensorStorage) throws -> Tensor {
    guard case .numbers(let dtype, let bigEndian) = elements else {
      throw WeighbridgeError(.unsupported, skipReason?.clause ?? "is no tensor")
    }
    let tensor = try Tensor(
      dtype: dtype, shape: shape, strides: isFortranOrder ? shape.fortranStrides : nil,
      storage: storage.part(from: dataOffset))
    return bigEndian ? try tensor.byteSwapped() : tensor
  }

  /// The text of a scalar array of text, or of an array of bytes that hold UTF-8.
  func text(_ bytes: UnsafeRawBufferPointer) throws -> String? {
    let data = bytes[min(dataOffset, bytes.count)...]
    switch elements {
    case .unicode(let length, let bigEndian) where shape.elementCount == 1:
      return try unicodeText(UnsafeRawBufferPointer(rebasing: data), length, bigEndian)
    case .bytes where shape.elementCount == 1:
      return String(validating: data.prefix { $0 != 0 }, as: UTF8.self)
    case .numbers(.uint8, _) where shape.rank == 1:
      return String(validating: data, as: UTF8.self)
    default:
      return nil
    }
  }

  private func unicodeText(
    _ bytes: UnsafeRawBufferPointer, _ length: Int, _ bigEndian: Bool
  ) throws -> String {
    var text = ""
    for index in 0..<length {
      guard let word = bytes.littleEndian(at: index * 4, as: UInt32.self),
        let scalar = Unicode.Scalar(bigEndian ? word.byteSwapped : word)
      else { throw WeighbridgeError(.malformed, "a text holds what is no character") }
      if scalar.value == 0 { break }  // NumPy pads with zeros
      text.unicodeScalars.append(scalar)
    }
    return text
  }
}

extension Shape {
  /// The column-major strides in elements.
  var fortranStrides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in 0..<rank where axis > 0 {
      strides[axis] = strides[axis - 1] &* Swift.max(1, self[axis - 1])
    }
    return strides
  }
}
