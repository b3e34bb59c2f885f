import CSHA256
import Testing

@Suite("SHA-256, held against FIPS 180-4's examples and Python's hashlib")
struct SHA256Tests {
  private static func digest(_ bytes: [UInt8], isPortable: Bool) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    bytes.withUnsafeBytes {
      if isPortable {
        sha256_digest_portable($0.baseAddress, $0.count, &digest)
      } else {
        sha256_digest($0.baseAddress, $0.count, &digest)
      }
    }
    return digest
  }

  private static func text(_ digest: [UInt8]) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  @Test(arguments: [false, true])
  func examples(isPortable: Bool) {
    let examples = [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        String(repeating: "a", count: 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ]
    for (message, expected) in examples {
      #expect(Self.text(Self.digest(Array(message.utf8), isPortable: isPortable)) == expected)
    }
  }

  /// Every place at which a message can end in a block: the digest of the digests of the first n of
  /// the bytes 7i + 3, n from 0 to 1000, as hashlib gives it.
  @Test(arguments: [false, true])
  func everyLength(isPortable: Bool) {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
    let all = (0...1000).flatMap {
      Self.digest(Array(bytes.prefix($0)), isPortable: isPortable)
    }
    #expect(
      Self.text(Self.digest(all, isPortable: isPortable))
        == "cda434928e5df689ee9ffa39182b1cf3e75b1160fdfb2f96aeb2df864ed3c88b")
  }
}
