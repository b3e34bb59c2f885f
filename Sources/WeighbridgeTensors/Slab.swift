#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Cuts large buffers from regions that the system may back with huge pages.
///
/// The first touch of each 4 KiB page costs the system more than the arithmetic on what it will hold;
/// a region of 2 MiB pages is ready 512 times as fast. Regions are never given back, only their
/// memory. Elsewhere than on Linux `malloc` serves all sizes.
struct Slab {
  private static let regionSize = 32 << 20
  private static let hugePage = 2 << 20
  private var regions: [UnsafeMutableRawPointer] = []
  private var used = Slab.regionSize

  #if os(Linux)
    /// Whether buffers of this size are cut from slabs: whole pages, several to a region.
    static func serves(_ size: Int) -> Bool { size >= 128 << 10 && size <= 8 << 20 }
  #else
    static func serves(_ size: Int) -> Bool { false }
  #endif

  /// A buffer of `size` bytes; `nil` when the system has no more.
  mutating func cut(_ size: Int) -> UnsafeMutableRawPointer? {
    if used + size > Slab.regionSize {
      guard let region = Slab.makeRegion() else { return nil }
      regions.append(region)
      used = 0
    }
    defer { used += size }
    return regions.last.map { $0 + used }
  }

  /// Whether a buffer was cut here.
  func owns(_ buffer: UnsafeMutableRawPointer) -> Bool {
    regions.contains { buffer >= $0 && buffer < $0 + Slab.regionSize }
  }

  /// Gives a buffer's memory back to the system; its address can be used again.
  static func hollow(_ buffer: UnsafeMutableRawPointer, _ size: Int) {
    #if os(Linux)
      _ = madvise(buffer, size, Int32(MADV_DONTNEED))
    #endif
  }

  /// Asks for huge pages where the whole of them lies in a buffer.
  static func prefersHugePages(_ buffer: UnsafeMutableRawPointer, _ size: Int) {
    #if os(Linux)
      let start = (Int(bitPattern: buffer) + hugePage - 1) & ~(hugePage - 1)
      let end = (Int(bitPattern: buffer) + size) & ~(hugePage - 1)
      guard end > start else { return }
      _ = madvise(UnsafeMutableRawPointer(bitPattern: start), end - start, Int32(MADV_HUGEPAGE))
    #endif
  }

  /// Address space on a multiple of a huge page's size; memory comes at the first touch.
  private static func makeRegion() -> UnsafeMutableRawPointer? {
    let whole = regionSize + hugePage
    let mapped = mmap(nil, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
    guard let mapped, mapped != MAP_FAILED else { return nil }
    let start = (Int(bitPattern: mapped) + hugePage - 1) & ~(hugePage - 1)
    guard let region = UnsafeMutableRawPointer(bitPattern: start) else { return nil }
    prefersHugePages(region, regionSize)
    return region
  }
}
