import Testing

@testable import WeighbridgeTensors

@Suite struct HalfPrecisionTests {
  @Test func everyFloat16RoundTrips() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float16(bits)
      if value.isNaN { continue }
      #expect(HalfPrecision.float16Bits(value) == bits)
    }
  }
}
