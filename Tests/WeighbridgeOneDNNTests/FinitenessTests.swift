import TestSupport

#if OneDNN
  import Testing

  @testable import WeighbridgeEngine

  /// The look for NaN and infinities that comes before the library's rectifier.
  @Suite struct FinitenessTests {
    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func findsOneAnywhereInAnyOrder(_ value: Float) throws {
      let shape: Shape = [2, 3, 5, 4]
      for position in [0, 7, 8, 31, 61, 118, 119] {
        var values = [Float](repeating: 1, count: shape.elementCount)
        values[position] = value
        let image = try Tensor(values, shape: shape)
        let clean = try Tensor([Float](repeating: 1, count: values.count), shape: shape)
        for arranged in try arrangements(image) { #expect(try !arranged.hasOnlyFiniteElements()) }
        for arranged in try arrangements(clean) { #expect(try arranged.hasOnlyFiniteElements()) }
      }
    }

    private func arrangements(_ x: Tensor) throws -> [Tensor] {
      let padded = try x.padded([(1, 2), (3, 0)])
      let part = try padded.narrowed(2, start: 1, length: x.shape[2])
        .narrowed(3, start: 3, length: x.shape[3])
      return [
        x, try x.contiguous(.channelsLast), try x.permuted([3, 1, 0, 2]), part, try x.unaligned(),
        try x.contiguous(.channelsLast).unaligned(),
      ]
    }

    /// A view with as many elements as the buffer has, but not all of them.
    @Test func whatIsFoundOfAPartIsNotRememberedOfTheWhole() throws {
      let whole = try Tensor([1, 1, .nan, .nan] as [Float], shape: [4])
      let view = try whole.narrowed(0, start: 0, length: 2).expanded(to: [2, 2])
      #expect(try view.hasOnlyFiniteElements())
      #expect(try !whole.hasOnlyFiniteElements())
    }
  }
#endif
