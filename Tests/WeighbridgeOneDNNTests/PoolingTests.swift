import TestSupport

#if OneDNN
  import Testing

  @testable import WeighbridgeEngine

  @Suite("Pooling in vectors") struct PoolingTests {
    /// Every number of channels, windows over every edge, NaN and infinities: the plain kernel's bits.
    @Test(arguments: [1, 3, 7, 8, 10, 15, 16, 17, 31, 40, 64, 70, 131])
    func sameAsThePlainKernel(channels: Int) throws {
      var g = SplitMix(seed: UInt64(channels))
      let input: Shape = [2, channels, 9, 14]
      var values: [Float] = try g.tensor(input).elements()
      for value in [Float.nan, .infinity, -.infinity] {
        values[Int(g.next() % UInt64(values.count))] = value
      }
      let x = try Tensor(values, shape: input)
      for kind in [
        PoolingGeometry.Kind.maximum, .average(countIncludePad: true),
        .average(countIncludePad: false),
      ] {
        for dilation in kind == .maximum ? [1, 2, 5] : [1] {
          let geometry = PoolingGeometry(
            kind, kernel: Pair(3, 2), stride: Pair(2, 1), padding: 1, dilation: Pair(dilation),
            ceilMode: g.pick(true, false))
          let output = try geometry.outputShape(input: input)
          for layout in [MemoryFormat.contiguous, .channelsLast] {
            let x = try x.contiguous(layout)
            let ours: [Float] = try OneDNNEngine().pool(x, geometry, output: output).elements()
            let plain: [Float] = try PlainEngine().pool(x, geometry, output: output).elements()
            let differ = zip(ours, plain).contains {
              $0.isNaN && $1.isNaN ? false : $0.bitPattern != $1.bitPattern
            }
            #expect(!differ, "\(channels), \(geometry), \(layout)")
          }
        }
      }
    }
  }
#endif
