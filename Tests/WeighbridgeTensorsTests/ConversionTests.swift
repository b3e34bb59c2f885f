import Testing

@testable import WeighbridgeTensors

@Suite struct ConversionTests {
  @Test func halfPrecisionRoundsToNearestEven() throws {
    // Value, float16 bits, bfloat16 bits.
    let cases: [(Float, UInt16, UInt16)] = [
      (0, 0, 0), (-0.0, 0x8000, 0x8000), (1, 0x3c00, 0x3f80), (-2, 0xc000, 0xc000),
      (65504, 0x7bff, 0x4780), (65519, 0x7bff, 0x4780), (65520, 0x7c00, 0x4780),
      (.infinity, 0x7c00, 0x7f80), (-.infinity, 0xfc00, 0xff80), (1e30, 0x7c00, 0x714a),
      (0x1p-24, 0x0001, 0x3380), (0x1p-25, 0x0000, 0x3300), (0x1.8p-25, 0x0001, 0x3340),
      (0x1p-14, 0x0400, 0x3880), (0x1.ff8p-15, 0x03ff, 0x3880), (0x1.ffcp-15, 0x0400, 0x3880),
      // Halfway: 1 + 2⁻¹¹ down to even, 1 + 3·2⁻¹¹ up to even.
      (1 + 0x1p-11, 0x3c00, 0x3f80), (1 + 3 * 0x1p-11, 0x3c02, 0x3f80),
      (1 + 0x1p-8, 0x3c04, 0x3f80), (1 + 3 * 0x1p-8, 0x3c0c, 0x3f82),
    ]
    for (value, half, brain) in cases {
      #expect(HalfPrecision.float16Bits(value) == half, "\(value)")
      #expect(HalfPrecision.bfloat16Bits(value) == brain, "\(value)")
    }
    #expect(HalfPrecision.float16(HalfPrecision.float16Bits(.nan)).isNaN)
    #expect(HalfPrecision.bfloat16(HalfPrecision.bfloat16Bits(.nan)).isNaN)
    // A NaN whose payload lies in the low bits alone must not become infinite.
    let payload = Float(bitPattern: 0x7f80_0001)
    #expect(HalfPrecision.float16(HalfPrecision.float16Bits(payload)).isNaN)
    #expect(HalfPrecision.bfloat16(HalfPrecision.bfloat16Bits(payload)).isNaN)
  }

  @Test func everyHalfPrecisionValueSurvives() throws {
    let bits = Array(UInt16.min...UInt16.max)
    for dtype in [DType.float16, .bfloat16] {
      let x = try Tensor(bits, shape: [bits.count]).reinterpreted(as: dtype)
      for wide in [DType.float32, .float64] {
        let back = try x.converted(to: wide).converted(to: dtype)
        let same = try back.withUnsafeElements { (got: UnsafePointer<UInt16>) in
          bits.indices.filter { got[$0] != bits[$0] }
        }
        // Only NaN may change, to a quiet one.
        #expect(
          same.allSatisfy {
            dtype == .float16
              ? HalfPrecision.float16(bits[$0]).isNaN : HalfPrecision.bfloat16(bits[$0]).isNaN
          })
      }
    }
  }

  @Test func integersBecomeTheNearestFloat() throws {
    // 2⁵³ + 1 lies between two doubles; 2⁶² + 2³⁸ + 1 must not be rounded twice on its way to float.
    let values: [Int64] = [0, -1, .max, .min, 1 << 53 + 1, (1 << 62) + (1 << 38) + 1, 16_777_217]
    let x = try Tensor(values, shape: [values.count])
    #expect(try x.elements(as: Double.self) == values.map { Double($0) })
    #expect(try x.elements(as: Float.self) == values.map { Float($0) })
    let unsigned: [UInt64] = [.max, 1 << 63, (1 << 63) + (1 << 39) + 1]
    let y = try Tensor(unsigned, shape: [unsigned.count])
    #expect(try y.elements(as: Double.self) == unsigned.map { Double($0) })
    #expect(try y.elements(as: Float.self) == unsigned.map { Float($0) })
  }

  @Test func integersConvertExactlyOrNot() throws {
    let x = try Tensor([Int64(-128), 127, 0], shape: [3])
    #expect(try x.elements(as: Int8.self) == [-128, 127, 0])
    #expect(try Tensor([Int64.max, .min], shape: [2]).elements(as: Int64.self) == [.max, .min])
    for (value, target) in [
      (Int64(128), DType.int8), (-1, .uint8), (1 << 40, .int32), (-1, .uint64),
    ] {
      let error = #expect(throws: WeighbridgeError.self) {
        _ = try Tensor([value], shape: [1]).converted(to: target)
      }
      #expect(error?.code == .unsupported)
    }
    let error = #expect(throws: WeighbridgeError.self) {
      _ = try Tensor([Float(1)], shape: [1]).converted(to: .int64)
    }
    #expect(error?.code == .unsupported)
  }

  @Test func booleansAreZeroOrOne() throws {
    let x = try Tensor([UInt8(0), 1, 2, 255], shape: [4]).reinterpreted(as: .bool)
    #expect(try x.elements(as: Float.self) == [0, 1, 1, 1])
    #expect(try x.elements(as: Int64.self) == [0, 1, 1, 1])
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64, .int8, .uint32])
  func viewsConvertByElement(_ dtype: DType) throws {
    let x = try Tensor((0..<60).map { Int8($0) }, shape: [3, 4, 5])
    let views = [
      try x.permuted([2, 0, 1]), try x.narrowed(1, start: 1, length: 2),
      try x.strided(2, start: 1, step: 2), try x.selected(0, 1).expanded(to: [2, 4, 5]),
    ]
    for view in views {
      let expected = try view.elements(as: Int8.self).map { Float($0) }
      #expect(try view.converted(to: dtype).elements(as: Float.self) == expected)
    }
  }
}
