import Foundation

extension Int {
  /// The number with a comma between groups of three digits: `28,071,976`.
  var grouped: String {
    let digits = String(magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
      result.append(digit)
    }
    return self < 0 ? "-" + result : result
  }

  /// The number as a size in bytes, in powers of 1000 with three digits: `1.07 MB`.
  var bytesText: String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(self)
    var unit = 0
    while value >= 999.5, unit + 1 < units.count {
      value /= 1000
      unit += 1
    }
    if unit == 0 { return "\(self) \(self == 1 ? "byte" : "bytes")" }
    let places = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
    return String(format: "%.\(places)f \(units[unit])", value)
  }

  /// `1 tensor`, `3 tensors`.
  func counted(_ noun: String, _ plural: String? = nil) -> String {
    "\(grouped) \(self == 1 ? noun : plural ?? noun + "s")"
  }
}

extension Double {
  /// Four significant digits: `0.02134`, `1.3e-05`, `nan`.
  var shortText: String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    return String(format: "%.4g", self)
  }
}
