import CHDF5
import WeighbridgeTensors

/// The texts of an HDF5 file: the root's scalar attributes, and its scalar text datasets. Runs inside
/// `HDF5Library.run`.
enum HDF5Text {
  private static let longest = 64 << 20

  /// The root's scalar attributes: text as it is, numbers written out.
  static func attributes(of object: hid_t) throws -> [String: String] {
    var names: [String] = []
    let result = withUnsafeMutablePointer(to: &names) { pointer in
      wb_h5_visit_attributes(
        object,
        { name, context in
          guard let name, let context, let text = String(validatingCString: name) else { return }
          context.assumingMemoryBound(to: [String].self).pointee.append(text)
        }, pointer)
    }
    try HDF5Library.check(result, "the attributes cannot be read")
    var values: [String: String] = [:]
    for name in names {
      let attribute = H5Aopen(object, name, wb_h5_default())
      values[name] = try HDF5Library.using(attribute, H5Aclose, "attribute \(name) cannot be read")
      {
        try value(ofAttribute: $0)
      }
    }
    return values
  }

  private static func value(ofAttribute attribute: hid_t) throws -> String? {
    let count = try HDF5Library.using(H5Aget_space(attribute), H5Sclose, "has no shape") {
      H5Sget_simple_extent_npoints($0)
    }
    guard count == 1 else { return nil }
    return try HDF5Library.using(H5Aget_type(attribute), H5Tclose, "has no type") { type in
      switch HDF5Datatype(type) {
      case .text(let byteCount):
        try text(byteCount, type) { H5Aread(attribute, $0, $1) }
      case .numbers(let dtype, _) where dtype.isFloatingPoint:
        try number(wb_h5_native_double(), 0.0) { H5Aread(attribute, $0, $1) }
      case .numbers:
        try number(wb_h5_native_int64(), Int64(0)) { H5Aread(attribute, $0, $1) }
      case .other: nil
      }
    }
  }

  /// A scalar text dataset of the root.
  static func dataset(_ file: hid_t, _ name: String) throws -> String? {
    let id = H5Dopen2(file, name, wb_h5_default())
    return try HDF5Library.using(id, H5Dclose, "cannot be opened") { dataset in
      try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "has no type") { type in
        guard case .text(let byteCount) = HDF5Datatype(type) else { return nil }
        return try text(byteCount, type) {
          H5Dread(dataset, $0, wb_h5_all(), wb_h5_all(), wb_h5_default(), $1)
        }
      }
    }
  }

  private static func number<Value: BitwiseCopyable>(
    _ type: hid_t, _ zero: Value, _ read: (hid_t, UnsafeMutableRawPointer) -> herr_t
  ) throws -> String {
    var value = zero
    try HDF5Library.check(read(type, &value), "a number cannot be read")
    return "\(value)"
  }

  private static func text(
    _ byteCount: Int?, _ type: hid_t, _ read: (hid_t, UnsafeMutableRawPointer) -> herr_t
  ) throws -> String? {
    guard let byteCount else {
      var pointer: UnsafeMutablePointer<CChar>?
      try HDF5Library.check(read(type, &pointer), "a text cannot be read")
      guard let pointer else { return "" }
      defer { H5free_memory(pointer) }
      return String(validatingCString: pointer)
    }
    guard byteCount <= longest else { return nil }
    var bytes = [UInt8](repeating: 0, count: byteCount + 1)
    try HDF5Library.check(
      bytes.withUnsafeMutableBytes { buffer in
        buffer.baseAddress.map { read(type, $0) } ?? -1
      }, "a text cannot be read")
    return String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
