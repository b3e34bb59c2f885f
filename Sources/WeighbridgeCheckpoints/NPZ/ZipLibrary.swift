import CZip
import WeighbridgeTensors

/// libzip on an archive in memory: for the beginnings of compressed entries, and for the methods that
/// are neither stored nor deflate.
///
/// Not safe to use from two threads at once; each user opens its own.
final class ZipLibrary {
  private let archive: OpaquePointer

  /// - Throws: `malformed` when libzip refuses the archive.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    guard
      let source = zip_source_buffer_create(bytes.baseAddress, zip_uint64_t(bytes.count), 0, &error)
    else { throw ZipLibrary.failure(&error) }
    guard let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      zip_source_free(source)
      throw ZipLibrary.failure(&error)
    }
    self.archive = archive
  }

  deinit {
    zip_discard(archive)
  }

  private static func failure(_ error: inout zip_error_t) -> WeighbridgeError {
    let text = zip_error_strerror(&error).map { String(cString: $0) } ?? "unknown"
    return WeighbridgeError(.malformed, "the zip archive is damaged: \(text)")
  }

  static func supports(method: UInt16) -> Bool {
    zip_compression_method_supported(zip_int32_t(method), 0) == 1
  }

  /// Reads the first bytes of an entry's content into `output`, and returns how many there were. When
  /// the content ends there, libzip checks its CRC too.
  func read(_ index: Int, into output: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let file = zip_fopen_index(archive, zip_uint64_t(index), 0) else {
      throw ZipLibrary.failure(&zip_get_error(archive).pointee)
    }
    defer { zip_fclose(file) }
    var filled = 0
    while filled < output.count {
      let count = zip_fread(
        file, output.baseAddress.map { $0 + filled }, zip_uint64_t(output.count - filled))
      guard count >= 0 else { throw ZipLibrary.failure(&zip_file_get_error(file).pointee) }
      if count == 0 { break }
      filled += Int(count)
    }
    return filled
  }
}
