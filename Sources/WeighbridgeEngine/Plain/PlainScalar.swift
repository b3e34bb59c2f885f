#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A floating-point type that the plain kernels compute in.
package protocol PlainScalar: BinaryFloatingPoint, TensorElement, Codable {
  /// 32 bytes of scalars: what the matrix tile and the reductions keep in registers.
  associatedtype Vector: PlainVector where Vector.Scalar == Self

  static func exponential(_ x: Self) -> Self
  /// eˣ − 1, accurate near 0.
  static func exponentialMinusOne(_ x: Self) -> Self
  static func logarithm(_ x: Self) -> Self
  /// ln(1 + x), accurate near 0.
  static func logarithmOnePlus(_ x: Self) -> Self
  static func hyperbolicTangent(_ x: Self) -> Self
  static func errorFunction(_ x: Self) -> Self
  static func sine(_ x: Self) -> Self
  static func cosine(_ x: Self) -> Self
  static func power(_ x: Self, _ exponent: Self) -> Self

  /// The number without its fraction, which must fit. (The generic `Int(_:)` takes a number apart bit by
  /// bit.)
  var truncatedInteger: Int { get }
}

/// A SIMD vector with the arithmetic that the kernels need, each a concrete operation of its type so
/// that generic code compiles to vector instructions.
package protocol PlainVector: SIMD where Scalar: PlainScalar {
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func * (a: Scalar, b: Self) -> Self
  static func += (a: inout Self, b: Self)
  /// The sum of the lanes.
  func sum() -> Scalar
}

extension SIMD8<Float>: PlainVector {}
extension SIMD4<Double>: PlainVector {}

extension PlainVector {
  /// The number of lanes.
  @inline(__always) static var width: Int { scalarCount }

  /// The `width` scalars from an address on.
  @inline(__always) init(from address: UnsafePointer<Scalar>) {
    self = UnsafeRawPointer(address).loadUnaligned(as: Self.self)
  }

  /// Writes the lanes to an address.
  @inline(__always) func store(to address: UnsafeMutablePointer<Scalar>) {
    UnsafeMutableRawPointer(address).storeBytes(of: self, as: Self.self)
  }
}

extension Double: PlainScalar {
  package typealias Vector = SIMD4<Double>

  @inline(__always) package static func exponential(_ x: Double) -> Double { exp(x) }
  @inline(__always) package static func exponentialMinusOne(_ x: Double) -> Double { expm1(x) }
  @inline(__always) package static func logarithm(_ x: Double) -> Double { log(x) }
  @inline(__always) package static func logarithmOnePlus(_ x: Double) -> Double { log1p(x) }
  @inline(__always) package static func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
  @inline(__always) package static func errorFunction(_ x: Double) -> Double { erf(x) }
  @inline(__always) package static func sine(_ x: Double) -> Double { sin(x) }
  @inline(__always) package static func cosine(_ x: Double) -> Double { cos(x) }
  @inline(__always) package static func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
  @inline(__always) package var truncatedInteger: Int { Int(self) }
}

/// The functions that decide the speed of models are in Float+Elementary.swift.
extension Float: PlainScalar {
  package typealias Vector = SIMD8<Float>

  @inline(__always) package static func logarithm(_ x: Float) -> Float { logf(x) }
  @inline(__always) package static func logarithmOnePlus(_ x: Float) -> Float { log1pf(x) }
  @inline(__always) package static func sine(_ x: Float) -> Float { sinf(x) }
  @inline(__always) package static func cosine(_ x: Float) -> Float { cosf(x) }
  @inline(__always) package static func power(_ x: Float, _ y: Float) -> Float { powf(x, y) }
  @inline(__always) package var truncatedInteger: Int { Int(self) }
}
