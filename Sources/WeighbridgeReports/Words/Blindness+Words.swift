import Foundation
import WeighbridgeVerdicts

extension Blindness {
  /// `recorded in bfloat16: errors below 6 % of a layer's values may not show`.
  var text: String {
    "recorded in \(dtype): errors below \(Blindness.percent(largest)) of a layer's values may not show"
  }

  /// How large an error may be and not show, and where.
  var remark: String {
    let how = autocast.map { ", under autocast to \($0)," } ?? ""
    return
      "the reference was recorded in \(dtype)\(how) and cannot show small errors: in half of the "
      + "\(count) tensors that this concerns one below \(Blindness.percent(usual)) of the values' RMS "
      + "passes, at \(worst) one below \(Blindness.percent(largest)); a float32 recording shows errors "
      + "of a millionth"
  }

  /// `6 %`, never rounded down.
  private static func percent(_ share: Double) -> String {
    let value = 100 * share
    return value < 10
      ? String(format: "%.2g %%", (value * 10).rounded(.up) / 10)
      : String(format: "%.0f %%", value.rounded(.up))
  }
}
