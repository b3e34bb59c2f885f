import CZip
import WeighbridgeTensors

/// A compressed entry of a zip archive, decompressed by libzip from its beginning on, as far as it is
/// asked for. Memory is needed for nothing but the decompressor's window.
///
/// libzip gets an archive that holds this entry alone, put together around its bytes: what else is in
/// the file costs nothing and does no harm.
final class ZipStream {
  private let archive: OpaquePointer
  private let file: OpaquePointer
  private let name: String
  /// The headers around the entry's bytes, which libzip reads in place.
  private let headers: UnsafeMutableRawBufferPointer
  private let promised: Int
  private var position = 0

  /// - Parameter content: The compressed bytes; they must stay while the stream is used.
  /// - Throws: `malformed` when libzip refuses the entry.
  init(_ entry: ZipEntry, _ content: UnsafeRawBufferPointer) throws {
    let record = try ZipRecord(
      name: "entry", method: entry.methodNumber, crc: entry.crc, byteCount: entry.byteCount,
      storedByteCount: content.count, offset: 0)
    let (local, central) = (record.local, record.central)
    let start = local.count + content.count
    let end = ZipRecord.end(1, from: start, to: start + central.count)
    headers = .allocate(byteCount: local.count + central.count + end.count, alignment: 8)
    headers.copyBytes(from: local + central + end)
    name = entry.name
    promised = entry.byteCount
    do {
      (archive, file) = try ZipStream.open(headers, local.count, content)
    } catch {
      headers.deallocate()
      throw error
    }
  }

  deinit {
    zip_fclose(file)
    zip_discard(archive)
    headers.deallocate()
  }

  private static func open(
    _ headers: UnsafeMutableRawBufferPointer, _ localCount: Int, _ content: UnsafeRawBufferPointer
  ) throws -> (archive: OpaquePointer, file: OpaquePointer) {
    func fragment(_ start: UnsafeRawPointer?, _ count: Int) -> zip_buffer_fragment_t {
      let bytes = UnsafeMutableRawPointer(mutating: start)?.assumingMemoryBound(to: UInt8.self)
      return zip_buffer_fragment_t(data: bytes, length: zip_uint64_t(count))
    }
    // Among several, libzip reads beyond one that is empty.
    let fragments = [
      fragment(headers.baseAddress, localCount), fragment(content.baseAddress, content.count),
      fragment(headers.baseAddress.map { $0 + localCount }, headers.count - localCount),
    ].filter { $0.length > 0 }
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    // libzip copies the list of fragments, not what they point to.
    guard
      let source = zip_source_buffer_fragment_create(
        fragments, zip_uint64_t(fragments.count), 0, &error)
    else {
      throw failure(&error)
    }
    guard let archive = zip_open_from_source(source, ZIP_RDONLY, &error) else {
      zip_source_free(source)
      throw failure(&error)
    }
    guard let file = zip_fopen_index(archive, 0, 0) else {
      let opening = failure(zip_get_error(archive))
      zip_discard(archive)
      throw opening
    }
    return (archive, file)
  }

  private static func failure(_ error: UnsafeMutablePointer<zip_error_t>?) -> WeighbridgeError {
    guard let error else { return WeighbridgeError(.malformed, "the compressed data is damaged") }
    if zip_error_code_zip(error) == ZIP_ER_CRC { return NPZArray.checksumError }
    let text = zip_error_strerror(error).map { String(cString: $0) } ?? "unknown"
    return WeighbridgeError(
      .malformed, "the compressed data is damaged: \(text)",
      remedy: "Save or download the file again")
  }

  static func supports(method: UInt16) -> Bool {
    zip_compression_method_supported(zip_int32_t(method), 0) == 1
  }

  /// Decompresses what comes next into `output`, and returns how many bytes there were: fewer than fit
  /// only at the end.
  func read(_ output: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < output.count {
      let count = zip_fread(
        file, output.baseAddress.map { $0 + filled }, zip_uint64_t(output.count - filled))
      guard count >= 0 else { throw ZipStream.failure(zip_file_get_error(file)) }
      if count == 0 { break }
      filled += Int(count)
    }
    position += filled
    return filled
  }

  /// Fills `output`.
  ///
  /// - Throws: `malformed` when the data ends before.
  func readExactly(_ output: UnsafeMutableRawBufferPointer) throws {
    guard try read(output) == output.count else {
      throw WeighbridgeError(
        .malformed, "promises \(promised) bytes, and its compressed data holds \(position)",
        remedy: "Save or download the file again")
    }
  }

  /// Checks that nothing follows; libzip compares the CRC-32 there.
  ///
  /// - Throws: `malformed` otherwise.
  func expectEnd() throws {
    var byte: UInt8 = 0
    let count = try withUnsafeMutableBytes(of: &byte) { try read($0) }
    guard count == 0 else {
      throw WeighbridgeError(
        .malformed, "promises \(promised) bytes, and its compressed data holds more",
        remedy: "Save or download the file again")
    }
  }
}
