import Foundation
import WeighbridgeModules

/// How much tensors tell that are decisions: a softmax that is all 1 and 0, a mask, a label.
///
/// A decision says which side of a border the network came out on and nothing of where on that side, so
/// that other weights, of a permuted layer or of another file, come to the same by chance, and so does one
/// of the hundreds of changes that a diagnosis tries.
package enum Decisions {
  /// What one value that is not a decision tells: a float32's significand.
  private static let bitsOfAValue = 24.0
  /// How near to 0, 1 or -1 a decision is.
  private static let margin: Float = 0x1p-20

  /// The information in a tensor, in bits: log₂ of the number of ways in which a row, along the last axis,
  /// can have as many ones; 0 for a row of one value.
  ///
  /// - Throws: when its elements cannot be read.
  package static func bits(_ tensor: Tensor) throws -> Double {
    let length = tensor.shape.last ?? 1
    guard tensor.elementCount > 0, length > 0 else { return 0 }
    guard tensor.dtype.isFloatingPoint || tensor.dtype == .bool else {
      // Labels: which of as many as the largest suggests.
      let values = try tensor.converted(to: .float64).elements(as: Double.self)
      let largest = values.reduce(1) { max($0, abs($1)) }
      return Double(values.count) * log2(largest + 1)
    }
    let values = try tensor.converted(to: .float32).elements(as: Float.self)
    let largest = values.reduce(0) { max($0, abs($1)) }
    guard largest == 0 || abs(largest - 1) <= margin else {
      return Double(values.count { $0 != 0 }) * bitsOfAValue
    }
    return stride(from: 0, to: values.count, by: length).reduce(0) {
      $0 + bits(row: values[$1..<min(values.count, $1 + length)])
    }
  }

  private static func bits(row: ArraySlice<Float>) -> Double {
    var (undecided, ones, negative) = (0, 0, 0)
    for value in row where !(abs(value) <= margin) {
      if abs(value - 1) <= margin {
        ones += 1
      } else if abs(value + 1) <= margin {
        negative += 1
      } else {
        undecided += 1
      }
    }
    let decided = row.count - undecided
    return Double(undecided) * bitsOfAValue + ways(ones, of: decided)
      + ways(negative, of: decided - ones)
  }

  /// log₂ of the binomial coefficient.
  private static func ways(_ chosen: Int, of count: Int) -> Double {
    (0..<min(chosen, count - chosen)).reduce(0) {
      $0 + log2(Double(count - $1)) - log2(Double($1 + 1))
    }
  }
}
