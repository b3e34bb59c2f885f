/// Where checksums in files are held against their content.
enum Checksums {
  /// Whether what a file says and what it comes to are one. A build of tools/fuzz takes every sum for
  /// right: what lies behind one would never be reached by changed bytes.
  @inline(__always)
  static func agree(_ stored: UInt32, _ computed: UInt32) -> Bool {
    #if WEIGHBRIDGE_FUZZING
      true
    #else
      stored == computed
    #endif
  }
}
