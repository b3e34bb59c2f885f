import WeighbridgeTensors

/// A chunk that a filter of libhdf5's encoded, and what it decodes to.
struct HDF5FilterRequest: Sendable, Equatable {
  var number: Int
  var values: [UInt32]
  var dtype: DType
  var isBigEndian: Bool
  /// The chunk's own.
  var extents: [Int]

  init(_ filter: HDF5Filter, _ dtype: DType, isBigEndian: Bool, extents: [Int]) {
    (number, values) = (filter.number, filter.values)
    (self.dtype, self.isBigEndian, self.extents) = (dtype, isBigEndian, extents)
  }

  static let unreadable = WeighbridgeError(
    .malformed, "a chunk cannot be decoded", remedy: "Save or download the file again")
}

/// How a request travels to another process: numbers of 64 bits, the first of them how many follow.
extension HDF5FilterRequest {
  /// More values and axes than any filter and dataset has.
  static let longest = 1 << 12

  /// - Parameters:
  ///   - input: How many bytes of the chunk follow.
  ///   - output: How many bytes it decodes to.
  func words(input: Int, output: Int) -> [Int64] {
    let fixed = [
      number, DType.allCases.firstIndex(of: dtype) ?? 0, isBigEndian ? 1 : 0, input, output,
      values.count,
    ]
    let words = fixed.map { Int64($0) } + values.map { Int64($0) } + extents.map { Int64($0) }
    return [Int64(words.count)] + words
  }

  /// - Parameter words: What follows the first.
  /// - Returns: `nil` for words that are no request.
  static func parsed(
    _ words: [Int64]
  ) -> (request: HDF5FilterRequest, input: Int, output: Int)? {
    guard words.count >= 6, let kind = Int(exactly: words[1]), DType.allCases.indices ~= kind,
      let count = Int(exactly: words[5]), 0...(words.count - 6) ~= count
    else { return nil }
    let rest = words.dropFirst(6)
    let values = rest.prefix(count).compactMap { UInt32(exactly: $0) }
    guard values.count == count, let number = Int(exactly: words[0]),
      let input = Int(exactly: words[3]), let output = Int(exactly: words[4]), input >= 0,
      output >= 0
    else { return nil }
    let filter = HDF5Filter(number: number, values: values)
    return (
      HDF5FilterRequest(
        filter, DType.allCases[kind], isBigEndian: words[2] != 0,
        extents: rest.dropFirst(count).map { Int($0) }), input, output
    )
  }
}
