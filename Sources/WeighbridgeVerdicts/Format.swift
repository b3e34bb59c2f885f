import Foundation

/// Numbers as people read them.
package enum Format {
  /// Three digits: `0.92`, `61`, `1.2e+04`.
  package static func ratio(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return "inf" }
    if value == 0 { return "0" }
    if value < 0.005 || value >= 99_950 { return String(format: "%.1e", value) }
    if value < 0.995 { return String(format: "%.2f", value) }
    if value < 99.5 { return String(format: "%.1f", value) }
    return String(format: "%.0f", value)
  }

  /// `3.1e-07`.
  package static func small(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return value == 0 ? "0" : String(format: "%.1e", value)
  }

  /// An element's value, up to seven digits.
  package static func value(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return String(format: "%.7g", value)
  }

  /// An end of an axis, in three digits.
  package static func short(_ value: Float) -> String { String(format: "%.3g", value) }

  /// A signal-to-noise ratio in whole decibels.
  package static func decibels(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    return value.isInfinite ? "∞" : String(format: "%.0f dB", value)
  }

  /// A count of ULPs, short.
  package static func ulps(_ value: UInt64) -> String {
    value < 100_000 ? "\(value)" : String(format: "%.0e", Double(value))
  }

  /// A share in percent, two digits: `4.1 %`.
  package static func percent(_ share: Double) -> String {
    if share == 0 || share >= 0.995 { return String(format: "%.0f %%", share * 100) }
    if share < 0.001 { return "under 0.1 %" }
    return String(format: share < 0.1 ? "%.1f %%" : "%.0f %%", share * 100)
  }

  package static func seconds(_ value: Double) -> String {
    value < 0.9995 ? String(format: "%.0f ms", value * 1000) : String(format: "%.1f s", value)
  }

  package static func shape(_ dimensions: [Int]) -> String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "×")
  }
}
