/// The specification: every operator as its definition reads, for float64 and float32.
///
/// One file per family of operators holds its kernels, generic over the scalar and specialised for
/// both by the compiler. Sums run in the scalar itself unless a kernel says otherwise, in blocks, so
/// that the rounding error grows with the block's length and not with the whole sum's.
package struct PlainEngine: Engine {
  package init() {}

  package var name: String { "plain Swift" }
}
