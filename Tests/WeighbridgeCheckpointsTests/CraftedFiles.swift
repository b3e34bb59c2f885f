import Foundation
import TestSupport
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// A zip archive written by hand, so that any of its fields can be wrong.
struct CraftedZip {
  struct Entry {
    var name: [UInt8]
    var content: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0x0800
    /// What the directory says where it is not so.
    var crc: UInt32?
    var byteCount: UInt32?
    var storedByteCount: UInt32?
    var offset: UInt32?
    var localName: [UInt8]?

    init(_ name: String, _ content: [UInt8], _ change: (inout Entry) -> Void = { _ in }) {
      (self.name, self.content) = (Array(name.utf8), content)
      change(&self)
    }
  }

  var entries: [Entry]
  var before: [UInt8] = []
  var behind: [UInt8] = []

  init(_ entries: Entry...) { self.entries = entries }

  var bytes: [UInt8] {
    var (archive, directory) = ([UInt8](), [UInt8]())
    func u16(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    func u32(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    for entry in entries {
      let offset = UInt32(archive.count)
      let crc = entry.crc ?? entry.content.withUnsafeBytes { CRC32.checksum($0) }
      let stored = entry.storedByteCount ?? UInt32(entry.content.count)
      var fields = u16(20) + u16(entry.flags) + u16(entry.method)
      fields += u16(0) + u16(0x21) + u32(crc) + u32(stored)
      fields += u32(entry.byteCount ?? UInt32(entry.content.count))
      let local = entry.localName ?? entry.name
      archive += u32(0x0403_4b50) + fields + u16(UInt16(local.count)) + u16(0) + local
      archive += entry.content
      directory += u32(0x0201_4b50) + u16(20) + fields + u16(UInt16(entry.name.count))
      directory += u16(0) + u16(0) + u16(0) + u16(0) + u32(0) + u32(entry.offset ?? offset)
      directory += entry.name
    }
    let count = UInt16(entries.count)
    let end =
      u32(0x0605_4b50) + u32(0) + u16(count) + u16(count) + u32(UInt32(directory.count))
      + u32(UInt32(archive.count)) + u16(0)
    return before + archive + directory + end + behind
  }
}

/// NumPy array files written by hand.
enum CraftedArray {
  /// Float32 values `0, 1, …`.
  static func floats(_ count: Int = 3) -> [UInt8] {
    array("<f4", "\(count),", (0..<count).flatMap { bytes(Float($0).bitPattern) })
  }

  static func array(_ type: String, _ shape: String, _ content: [UInt8]) -> [UInt8] {
    header("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }") + content
  }

  static func header(_ text: String) -> [UInt8] {
    NPYHeader.magic + [1, 0, UInt8(text.utf8.count & 0xff), UInt8(text.utf8.count >> 8)]
      + Array(text.utf8)
  }

  static func bytes(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
}

/// A safetensors file whose header is any text.
func craftedSafetensors(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
  withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
    + data
}

extension TemporaryDirectory {
  func open(_ bytes: [UInt8], _ name: String = "crafted") throws -> any Checkpoint {
    try Checkpoints.open(write(bytes, name))
  }
}
