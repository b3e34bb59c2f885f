import CVectors
import Testing

@Suite("Sums and screens of a comparison, held against one element at a time")
struct ComparisonTests {
  private static let rows = 3
  private static let columns = 24

  private struct Pair {
    var got: [Float]
    var reference: [Float]

    init() {
      reference = (0..<rows * columns).map { Float($0 * 37 % 101) / 16 - 3 }
      got = reference.enumerated().map { $1 + Float($0 % 5) * 0x1p-18 }
    }

    func sums(_ screen: vectors_screen, isBaseline: Bool) -> vectors_sums? {
      got.withUnsafeBytes { got in
        reference.withUnsafeBytes { reference in
          guard let a = got.baseAddress, let b = reference.baseAddress else { return nil }
          var (screen, pairs) = (
            screen,
            vectors_pairs(
              got: a, got_step: columns * 4, reference: b, reference_step: columns * 4, rows: rows,
              columns: columns)
          )
          return isBaseline
            ? vectors_compare_baseline(&pairs, &screen) : vectors_compare(&pairs, &screen)
        }
      }
    }
  }

  /// A screen that nothing finite is caught by.
  private static let open = vectors_screen(
    relative: .infinity, is_elementwise: false, allowed: 0, allowed_relative: 0,
    step_bias: Int32(bitPattern: 0x4000_0000 ^ 0x8000_0000),
    step_limit: Int32(bitPattern: 0x8000_0000 ^ 0x8000_0000))

  @Test(arguments: [false, true])
  func sums(isBaseline: Bool) throws {
    let pair = Pair()
    let sums = try #require(pair.sums(Self.open, isBaseline: isBaseline))
    var (error, reference, got, largest, peak) = (0.0, 0.0, 0.0, Float(0), Float(0))
    for (g, r) in zip(pair.got, pair.reference) {
      error += (Double(g) - Double(r)) * (Double(g) - Double(r))
      reference += Double(r) * Double(r)
      got += Double(g) * Double(g)
      largest = max(largest, abs(g - r))
      peak = max(peak, abs(r))
    }
    #expect(abs(sums.squared_error / error - 1) < 1e-12)
    #expect(abs(sums.squared_reference / reference - 1) < 1e-12)
    #expect(abs(sums.squared_got / got - 1) < 1e-12)
    #expect((sums.largest, sums.peak) == (largest, peak))
    #expect(!sums.is_caught)
  }

  @Test("Each bound catches one element, wherever it stands", arguments: [false, true])
  func screens(isBaseline: Bool) throws {
    for place in 0..<Self.rows * Self.columns {
      var pair = Pair()
      pair.got = pair.reference
      // Away from 0: elements of two signs are caught by their bits.
      pair.got[place] = pair.reference[place] + (pair.reference[place] < 0 ? -1 : 1)
      var relative = Self.open
      relative.relative = 1e-3
      var elementwise = Self.open
      (elementwise.is_elementwise, elementwise.allowed) = (true, 0.5)
      var steps = Self.open
      steps.step_bias = Int32(bitPattern: 16 ^ 0x8000_0000)
      steps.step_limit = Int32(bitPattern: 32 ^ 0x8000_0000)
      for screen in [relative, elementwise, steps] {
        let isZero = pair.reference[place] == 0 && screen.relative < 1
        #expect(pair.sums(screen, isBaseline: isBaseline)?.is_caught == !isZero)
      }
      elementwise.allowed = 1.5
      #expect(pair.sums(elementwise, isBaseline: isBaseline)?.is_caught == false)
    }
  }

  @Test("NaN shows in the sums, and in no maximum", arguments: [false, true])
  func notANumber(isBaseline: Bool) throws {
    var pair = Pair()
    pair.got[11] = .nan
    let sums = try #require(pair.sums(Self.open, isBaseline: isBaseline))
    #expect(sums.squared_error.isNaN && sums.squared_got.isNaN)
    #expect(sums.largest < 1 && sums.peak < 10)
  }

  @Test("One value that is not finite is found wherever it stands", arguments: [1, 8, 31, 45, 77])
  func finiteness(count: Int) {
    var values = (0..<count).map { Float($0) - 20 }
    #expect(vectors_are_finite(values, count))
    for place in 0..<count {
      for odd in [Float.nan, .infinity, -.infinity] {
        let kept = values[place]
        values[place] = odd
        #expect(!vectors_are_finite(values, count))
        values[place] = kept
      }
    }
    values[0] = .greatestFiniteMagnitude
    #expect(vectors_are_finite(values, count))
  }

  @Test(
    "A matrix is turned around at any address", arguments: [1, 7, 8, 16, 21], [1, 5, 8, 24, 33])
  func turned(rows: Int, columns: Int) {
    let source = (0..<rows * columns).map { Int32($0) }
    let step = (rows + 3) * 4
    var target = [UInt8](repeating: 0xee, count: columns * step + 1)
    source.withUnsafeBytes { from in
      target.withUnsafeMutableBytes { to in
        guard let from = from.baseAddress, let to = to.baseAddress else { return }
        vectors_turn(from, columns * 4, rows, columns, to + 1, step)
      }
    }
    target.withUnsafeBytes { bytes in
      for column in 0..<columns {
        for row in 0..<rows {
          let value = bytes.loadUnaligned(
            fromByteOffset: 1 + column * step + row * 4, as: Int32.self)
          #expect(value == source[row * columns + column])
        }
        // What lies between the rows is left alone.
        for byte in (rows * 4)..<step where 1 + column * step + byte < bytes.count {
          #expect(bytes[1 + column * step + byte] == 0xee)
        }
      }
    }
  }
}
