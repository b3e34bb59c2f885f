import ArgumentParser
import Weighbridge

/// `--rtol` and `--atol`.
struct ToleranceOptions: ParsableArguments {
  // A number that begins with a minus is a value, to be refused by name.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Relative tolerance, element by element, in place of noise limits.", valueName: "number"))
  var rtol: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Absolute tolerance. In validate, the one of the two that is not given is PyTorch's for \
      float32, 1.3e-6 and 1e-5; in diff it is 0.
      """, valueName: "number"))
  var atol: Double?

  func validate() throws {
    for (name, value) in [("--rtol", rtol), ("--atol", atol)] {
      if let value, !(value >= 0 && value.isFinite) {
        throw ValidationError("\(name) takes a number that is not negative, not \(value)")
      }
    }
  }

  /// |error| ≤ atol + rtol·|reference|. `nil` when neither is given.
  ///
  /// - Parameter standard: Has the one that is not given.
  func tolerance(completedBy standard: ElementwiseTolerance) -> ElementwiseTolerance? {
    guard rtol != nil || atol != nil else { return nil }
    return ElementwiseTolerance(
      relative: rtol ?? standard.relative, absolute: atol ?? standard.absolute)
  }

  /// The same; the one that is not given is 0.
  var tolerance: ElementwiseTolerance? {
    tolerance(completedBy: ElementwiseTolerance(relative: 0, absolute: 0))
  }
}
