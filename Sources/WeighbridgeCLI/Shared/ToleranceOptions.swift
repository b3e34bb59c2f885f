import ArgumentParser
import Weighbridge

/// `--rtol` and `--atol`.
struct ToleranceOptions: ParsableArguments {
  @Option(help: "Relative tolerance, element by element; with --atol it replaces noise limits.")
  var rtol: Double?

  @Option(help: "Absolute tolerance, element by element.")
  var atol: Double?

  func validate() throws {
    for (name, value) in [("--rtol", rtol), ("--atol", atol)] {
      if let value, !(value >= 0 && value.isFinite) {
        throw ValidationError("\(name) takes a number that is not negative, not \(value)")
      }
    }
  }

  /// |error| ≤ atol + rtol·|reference|; the one that is not given is 0. `nil` when neither is.
  var tolerance: ElementwiseTolerance? {
    guard rtol != nil || atol != nil else { return nil }
    return ElementwiseTolerance(relative: rtol ?? 0, absolute: atol ?? 0)
  }
}
