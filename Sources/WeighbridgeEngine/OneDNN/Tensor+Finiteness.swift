#if OneDNN
  import CVectors
  import Synchronization
  import WeighbridgeParallel

  extension Tensor {
    /// Whether no element of a dense float32 tensor is infinite or NaN. What was found of a whole
    /// buffer is remembered there.
    func hasOnlyFiniteElements() throws -> Bool {
      guard let storage, elementCount > 0 else { return true }
      let isWhole = elementCount * MemoryLayout<Float>.size == storage.byteCount
      if isWhole, let known = storage.knownFiniteness { return known }
      let count = elementCount
      let found = try withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return true }
        nonisolated(unsafe) let values = base
        let isFinite = Atomic(true)
        Parallel.forRanges(count, grain: 1 << 16) { range in
          if !vectors_are_finite(values + range.lowerBound * 4, range.count) {
            isFinite.store(false, ordering: .relaxed)
          }
        }
        return isFinite.load(ordering: .relaxed)
      }
      if isWhole { storage.knownFiniteness = found }
      return found
    }
  }
#endif
