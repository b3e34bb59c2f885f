#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers of one tensor written alike, as NumPy does: digits that tell the values apart, at most eight
/// behind the point, and powers of ten where the values are very large, small or different.
struct ValueFormat {
  /// The elements in row-major order, padded to one width.
  let words: [String]

  /// One number by itself: as many digits as tell it from its neighbours.
  static func single(_ tensor: Tensor) throws -> String {
    switch tensor.dtype {
    case .float64: try tensor.elements(as: Double.self).first?.description ?? ""
    case .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2:
      try tensor.elements(as: Float.self).first?.description ?? ""
    default: try ValueFormat(tensor).words.first ?? ""
    }
  }

  init(_ tensor: Tensor) throws {
    switch tensor.dtype {
    case .bool:
      words = Self.aligned(
        try tensor.converted(to: .uint8).elements(as: UInt8.self).map {
          $0 == 0 ? "False" : "True"
        })
    case .float64: words = Self.floats(try tensor.elements(as: Double.self)) { $0.description }
    case .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2:
      words = Self.floats(try tensor.elements(as: Float.self).map(Double.init)) {
        Float($0).description
      }
    case .uint64: words = Self.aligned(try tensor.elements(as: UInt64.self).map(\.description))
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32:
      words = Self.aligned(try tensor.elements(as: Int64.self).map(\.description))
    }
  }

  private static func aligned(_ words: [String]) -> [String] {
    let width = words.map(\.count).max() ?? 0
    return words.map { String(repeating: " ", count: width - $0.count) + $0 }
  }

  /// - Parameter shortest: The shortest text that reads as the number in its own precision.
  private static func floats(_ values: [Double], _ shortest: (Double) -> String) -> [String] {
    let finite = values.filter(\.isFinite)
    let sizes = finite.map(abs).filter { $0 > 0 }
    let (least, greatest) = (sizes.min() ?? 1, sizes.max() ?? 1)
    let isExponential = greatest >= 1e8 || least < 1e-4 || greatest / least > 1000
    let decimals = finite.map { Decimal(shortest($0)) }
    let places = decimals.map { isExponential ? $0.places : $0.fractionPlaces }
    let precision = min(8, places.max() ?? 0)
    var next = decimals.makeIterator()
    let texts = values.map { value -> String in
      guard value.isFinite, let decimal = next.next() else {
        return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
      }
      return isExponential ? scientific(value, precision) : decimal.positional()
    }
    guard !isExponential else { return aligned(texts) }
    return alignedAtPoint(texts)
  }

  /// `1.25e+20`, with this many digits behind the point: the number's own, also where fewer tell it.
  private static func scientific(_ value: Double, _ precision: Int) -> String {
    var text = [CChar](repeating: 0, count: 64)
    let length = withVaList([Int32(precision), value]) {
      vsnprintf(&text, text.count, "%.*e", $0)
    }
    return String(
      decoding: text.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Padded on both sides, so that the points stand below each other.
  private static func alignedAtPoint(_ texts: [String]) -> [String] {
    func parts(_ text: String) -> (left: Int, right: Int)? {
      text.firstIndex(of: ".").map {
        (text.distance(from: text.startIndex, to: $0), text.distance(from: $0, to: text.endIndex))
      }
    }
    let all = texts.compactMap(parts)
    let (left, right) = (all.map(\.left).max() ?? 0, all.map(\.right).max() ?? 0)
    let width = max(left + right, texts.filter { parts($0) == nil }.map(\.count).max() ?? 0)
    return texts.map { text in
      guard let (_, own) = parts(text) else {
        return String(repeating: " ", count: width - text.count) + text
      }
      let behind = right - own
      return String(repeating: " ", count: width - text.count - behind) + text
        + String(repeating: " ", count: behind)
    }
  }
}

/// A number as decimal digits: ±0.d₁d₂d₃… · 10^exponent.
private struct Decimal {
  var isNegative: Bool
  /// Without zeros at either end; none for zero.
  var digits: [UInt8]
  var exponent: Int

  /// Reads what Swift prints: `-12.5`, `1e-05`, `1.25e+20`.
  init(_ text: String) {
    var rest = Substring(text)
    isNegative = rest.first == "-"
    if isNegative { rest = rest.dropFirst() }
    let parts = rest.split(separator: "e")
    let power = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let number = (parts.first ?? "0").split(separator: ".", omittingEmptySubsequences: false)
    let whole = Array(number[0].utf8.map { $0 - 48 })
    let fraction = number.count > 1 ? Array(number[1].utf8.map { $0 - 48 }) : []
    digits = whole + fraction
    exponent = whole.count + power
    trim()
  }

  private mutating func trim() {
    while digits.last == 0 { digits.removeLast() }
    while digits.first == 0 {
      digits.removeFirst()
      exponent -= 1
    }
    if digits.isEmpty { exponent = 1 }
  }

  /// How many digits stand behind the point, and behind the first digit.
  var fractionPlaces: Int { max(0, digits.count - exponent) }
  var places: Int { max(0, digits.count - 1) }

  /// With no more than this many digits, rounded; ties go up, which shortest digits hardly have.
  private func rounded(to count: Int) -> Decimal {
    guard count < digits.count else { return self }
    var copy = self
    guard count >= 0 else {
      copy.digits = []
      copy.exponent = 1
      return copy
    }
    let isUp = digits[count] >= 5
    copy.digits = Array(digits[..<count])
    if isUp {
      var place = count - 1
      while place >= 0, copy.digits[place] == 9 {
        copy.digits[place] = 0
        place -= 1
      }
      if place >= 0 {
        copy.digits[place] += 1
      } else {
        copy.digits.insert(1, at: 0)
        copy.exponent += 1
      }
    }
    copy.trim()
    return copy
  }

  private var sign: String { isNegative ? "-" : "" }

  private static func text(_ digits: some Sequence<UInt8>) -> String {
    digits.map { String($0) }.joined()
  }

  /// `12.5`, at most eight digits behind the point.
  func positional() -> String {
    let short = rounded(to: exponent + 8)
    let whole =
      short.exponent > 0
      ? Self.text((0..<short.exponent).map { $0 < short.digits.count ? short.digits[$0] : 0 }) : "0"
    let fraction =
      short.digits.isEmpty
      ? []
      : [UInt8](repeating: 0, count: max(0, -short.exponent))
        + short.digits.dropFirst(max(0, short.exponent))
    return sign + whole + "." + Self.text(fraction)
  }
}
