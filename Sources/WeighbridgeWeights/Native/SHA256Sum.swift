import Crypto
import WeighbridgeTensors

/// SHA-256 checksums in hexadecimal.
public enum SHA256Sum {
  /// As long as every checksum.
  static let placeholder = String(repeating: "0", count: 64)

  package static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    let digits = Array("0123456789abcdef".utf8)
    let text = hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  /// The checksum of a whole file.
  ///
  /// - Throws: `unreadable` when it cannot be read.
  public static func ofFile(_ path: String) throws -> String {
    try MappedFile(path: path).withBytes(hexadecimal)
  }
}
