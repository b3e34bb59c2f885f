#if OneDNN
  import CVectors
  import Synchronization
  import WeighbridgeParallel

  extension Tensor {
    /// Whether no element of a float32 tensor is infinite or NaN. Elements that lie without gaps are
    /// looked at as they lie, whatever the order of the axes. What was found of a whole buffer is
    /// remembered there.
    func hasOnlyFiniteElements() throws -> Bool {
      guard let storage, elementCount > 0 else { return true }
      guard isPacked else { return try contiguous(preferredFormat).hasOnlyFiniteElements() }
      let isWhole = byteCount == storage.byteCount
      if isWhole, let known = storage.knownFiniteness { return known }
      let isFinite = Atomic(true)
      try withRawElements { address in
        nonisolated(unsafe) let values = address
        Parallel.forRanges(elementCount, grain: 1 << 16) { range in
          if !vectors_are_finite(values + range.lowerBound * 4, range.count) {
            isFinite.store(false, ordering: .relaxed)
          }
        }
      }
      let found = isFinite.load(ordering: .relaxed)
      if isWhole { storage.knownFiniteness = found }
      return found
    }
  }
#endif
