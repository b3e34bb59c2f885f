import WeighbridgeTensors

#if canImport(CryptoKit)
  import CryptoKit
#else
  import CSHA256
#endif

/// SHA-256 checksums in hexadecimal: CryptoKit's on Apple platforms. Elsewhere the one library that
/// SwiftPM could bring is four hundred C files for this one function, so it stands in `CSHA256`.
public enum SHA256Sum {
  /// As long as every checksum.
  static let placeholder = String(repeating: "0", count: 64)

  package static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let text = digest(bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  private static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    #if canImport(CryptoKit)
      var hash = SHA256()
      hash.update(bufferPointer: bytes)
      return Array(hash.finalize())
    #else
      return [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
        guard let base = digest.baseAddress else { return }
        sha256_digest(bytes.baseAddress, bytes.count, base)
        count = 32
      }
    #endif
  }

  /// The checksum of a whole file.
  ///
  /// - Throws: `unreadable` when it cannot be read.
  public static func ofFile(_ path: String) throws -> String {
    try MappedFile(path: path).withBytes(hexadecimal)
  }
}
