import TestSupport
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// Files that are taken for checkpoints are called what they are.
@Suite struct FileKindTests {
  static let texts: [(String, String, String)] = [
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 102530333\n",
      "is a Git LFS pointer, 78 bytes in the place of the checkpoint of 102530333", "git lfs pull"
    ),
    ("<!DOCTYPE html>\n<html><body>Sign in", "is a web page (HTML), not a checkpoint", "address"),
    ("\n\u{feff}  <html lang=\"en\">", "is a web page (HTML), not a checkpoint", "address"),
    (
      "<?xml version=\"1.0\"?><Error>AccessDenied", "is an XML document, not a checkpoint",
      "address"
    ),
    (
      "Entry not found", "is no format that is known: it begins with the text 'Entry not found'",
      CheckpointFormat.titles()
    ),
    (
      "{\"error\": \"not found\"}",
      "is JSON without a weight_map, so not the index of a sharded checkpoint", "npz"
    ),
    (
      "ccollections\nOrderedDict\n", "the pickle is damaged: it ends in the middle",
      "Save or download"
    ),
    (
      String(repeating: "\0", count: 100),
      "begins with nothing but zeros, as a broken download does",
      "Checkpoints"
    ),
  ]

  @Test(arguments: texts) func isNamed(_ text: String, _ message: String, _ remedy: String) throws {
    let directory = try TemporaryDirectory()
    let start = text.hasPrefix("\n\u{feff}") ? Array(text.utf8.dropFirst()) : Array(text.utf8)
    let error = #expect(throws: WeighbridgeError.self) { try directory.open(start) }
    #expect(error?.message == message)
    #expect(error?.remedy?.contains(remedy) == true)
    #expect(error?.code.exitStatus == 3)
  }

  @Test func packedFilesAreNamed() throws {
    let directory = try TemporaryDirectory()
    for (bytes, name) in [
      ([0x1f, 0x8b, 8, 0] as [UInt8], "gzip"), ([0x28, 0xb5, 0x2f, 0xfd, 0], "zstd"),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz"),
    ] {
      let error = #expect(throws: WeighbridgeError.self) { try directory.open(bytes) }
      #expect(error?.message == "is compressed with \(name)")
    }
    let empty = #expect(throws: WeighbridgeError.self) { try directory.open([]) }
    #expect(empty?.message == "the file is empty")
    let legacy = #expect(throws: WeighbridgeError.self) { try directory.open([0x80, 2, 0x8a, 10]) }
    #expect(legacy?.message == "the pickle is damaged: it ends in the middle")
    let archive = CraftedZip(
      .init("m/data.pkl", [0x80, 2, 0x7d]), .init("m/data/0", [1, 2, 3, 4]))
    let pth = #expect(throws: WeighbridgeError.self) { try directory.open(archive.bytes) }
    #expect(pth?.message == "the pickle is damaged: it ends in the middle")
  }
}
