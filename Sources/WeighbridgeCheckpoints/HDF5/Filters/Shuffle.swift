/// HDF5's shuffle filter: all first bytes of the elements, then all second bytes, …
enum Shuffle {
  /// Bytes behind the last whole element stay where they are.
  static func undo(
    _ input: UnsafeRawBufferPointer, elementSize: Int, into output: UnsafeMutableRawBufferPointer
  ) {
    guard let source = input.baseAddress, let target = output.baseAddress else { return }
    let count = input.count / elementSize
    // One element is its own order; and the size, which the file says, may be larger than any loop.
    guard count > 1 else { return target.copyMemory(from: source, byteCount: input.count) }
    let from = source.assumingMemoryBound(to: UInt8.self)
    if elementSize == 4 {
      let to = target.assumingMemoryBound(to: UInt32.self)
      for i in 0..<count {
        let low = UInt32(from[i]) | UInt32(from[i &+ count]) << 8
        let high = UInt32(from[i &+ 2 &* count]) | UInt32(from[i &+ 3 &* count]) << 8
        to[i] = (low | high << 16).littleEndian
      }
    } else {
      let to = target.assumingMemoryBound(to: UInt8.self)
      for byte in 0..<elementSize {
        for i in 0..<count { to[i &* elementSize &+ byte] = from[byte &* count &+ i] }
      }
    }
    for index in (count * elementSize)..<input.count { output[index] = input[index] }
  }
}
