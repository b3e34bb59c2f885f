import CLibFuzzer
import Glibc
import WeighbridgeCheckpoints

/// Feeds whatever libFuzzer makes to the readers of checkpoints. Options and folders are libFuzzer's.
///
/// A trap, a sanitizer's finding, more time than `-timeout` and more memory than `Bound` are failures.
/// An error is none: that is what damaged files are for.
@main
enum Fuzz {
  static func main() {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    let status = LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
      Fuzz.run(UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
    exit(status)
  }

  private static func run(_ bytes: UnsafeRawBufferPointer) {
    guard let path = Scratch.shared.write(bytes) else { return }
    let before = Bound.now()
    read(path, byteCount: bytes.count)
    Bound.check(since: before, byteCount: bytes.count)
  }

  /// Opens a file and reads every tensor as far as the bound on memory allows.
  private static func read(_ path: String, byteCount: Int) {
    guard let checkpoint = try? Checkpoints.open(path) else { return }
    for entry in checkpoint.entries {
      _ = checkpoint.entry(entry.rawPath)
      if entry.byteCount <= Bound.growth * byteCount {
        _ = try? checkpoint.tensor(entry.name).contiguous()
      } else {
        var left = Bound.streamed
        try? checkpoint.forEachBlock(of: entry.name, limit: 1 << 20) { block in
          left -= block.byteCount
          if left < 0 { throw Enough() }
        }
      }
    }
    for entry in checkpoint.skipped { _ = try? checkpoint.tensor(entry.name) }
  }

  private struct Enough: Error {}
}

/// How much memory a file may take: a multiple of its size, and an amount that any file may take.
enum Bound {
  /// Deflate reaches 1032 to 1.
  static let growth = 1100
  static let base = 64 << 20
  /// Of tensors beyond the bound, how many bytes are read in blocks.
  static let streamed = 8 << 20

  struct Memory {
    var resident: Int
    var peak: Int
  }

  static func now() -> Memory {
    var usage = rusage()
    getrusage(.init(RUSAGE_SELF.rawValue), &usage)
    return Memory(resident: resident(), peak: usage.ru_maxrss << 10)
  }

  /// The second number of /proc/self/statm, in bytes.
  private static func resident() -> Int {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 64)
    let count = Glibc.read(descriptor, &text, text.count)
    let numbers = text.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
    guard numbers.count > 1 else { return 0 }
    return (Int(String(decoding: numbers[1], as: UTF8.self)) ?? 0) * Int(getpagesize())
  }

  /// Ends the process where the peak has risen by more than a file of this size may take.
  static func check(since before: Memory, byteCount: Int) {
    let after = now()
    let taken = after.peak - before.resident
    guard after.peak > before.peak, taken > base + growth * byteCount else { return }
    let text = Array(
      "memory: \(taken >> 20) MiB for a file of \(byteCount) bytes\n".utf8)
    _ = write(STDERR_FILENO, text, text.count)
    abort()
  }
}

/// One file in memory, written again for each input.
final class Scratch: @unchecked Sendable {
  static let shared = Scratch()
  private let path: String
  private let descriptor: Int32

  private init() {
    path = "/dev/shm/weighbridge-fuzz-\(getpid())"
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    atexit { unlink("/dev/shm/weighbridge-fuzz-\(getpid())") }
  }

  /// - Returns: The path; `nil` where the file cannot be written.
  func write(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard descriptor >= 0, ftruncate(descriptor, off_t(bytes.count)) == 0,
      pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count
    else { return nil }
    return path
  }
}
