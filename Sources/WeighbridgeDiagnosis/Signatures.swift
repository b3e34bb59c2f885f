import Foundation
import WeighbridgeCauses
import WeighbridgeModules

/// What a wrong layer's parameters show by themselves. Nothing here is run again, so it is said only
/// where no other cause was found, or where it is beyond doubt.
enum Signatures {
  /// What a module's parameters explain.
  ///
  /// - Parameter isTrained: Whether the model's other weights do not look like initial ones, so that
  ///   it tells something when these do.
  static func causes(
    _ path: ModulePath, _ parameters: [ModuleParameter], isTrained: () -> Bool
  ) -> [Cause] {
    var found: [Cause] = []
    for parameter in parameters {
      guard let values = try? parameter.tensor.converted(to: .float32).elements(as: Float.self)
      else { continue }
      if let cause = nonFinite(path, parameter, values) ?? truncated(path, parameter, values) {
        found.append(cause)
      }
    }
    return found + initial(path, parameters, isTrained: isTrained)
  }

  private static func nonFinite(
    _ path: ModulePath, _ parameter: ModuleParameter, _ values: [Float]
  ) -> Cause? {
    guard let position = values.firstIndex(where: { !$0.isFinite }) else { return nil }
    let index = parameter.tensor.shape.index(of: position)
    let others = values.count { !$0.isFinite } - 1
    let more = others > 0 ? ", and \(others) more are not finite" : ""
    let name = (path / parameter.name).name
    return Cause(
      .overflow, "\(parameter.name)\(index) is \(values[position])\(more)",
      fix: .code(
        values.contains(where: \.isInfinite)
          ? "export \(name) in float32: half precision ends at 65504"
          : "export \(name) again: NaN comes from what trained or converted it"))
  }

  /// Values that all fit a shorter dtype, which those of a float32 network never do.
  private static func truncated(
    _ path: ModulePath, _ parameter: ModuleParameter, _ values: [Float]
  ) -> Cause? {
    let live = values.filter { $0 != 0 && $0 != 1 && $0.isFinite }
    guard live.count >= 8 else { return nil }
    func all(_ mask: UInt32) -> Bool { live.allSatisfy { $0.bitPattern & mask == 0 } }
    let dtype = all(0xffff) ? "bfloat16" : all(0x1fff) ? "float16" : nil
    guard let dtype else { return nil }
    return Cause(
      .truncatedDType, "every value of \(parameter.name) has been rounded to \(dtype)",
      fix: .code("export \((path / parameter.name).name) in float32"))
  }

  /// PyTorch's initial values: 1 and 0 in norms, uniform in ±1/√fan_in in linear and convolutions.
  private static func initial(
    _ path: ModulePath, _ parameters: [ModuleParameter], isTrained: () -> Bool
  ) -> [Cause] {
    var found: [Cause] = []
    func all(_ name: String, _ value: Float) -> Bool {
      guard let tensor = parameters.first(where: { $0.name == name })?.tensor,
        let values = try? tensor.converted(to: .float32).elements(as: Float.self), !values.isEmpty
      else { return false }
      return values.allSatisfy { $0 == value }
    }
    if all("running_mean", 0), all("running_var", 1) {
      found.append(
        Cause(
          .statisticsInitial, "running_mean is all 0 and running_var all 1: they were never loaded",
          fix: .code("export the buffers too: state_dict(), not parameters()")))
    }
    if all("weight", 1), all("bias", 0) {
      found.append(
        Cause(
          .initialValues, "weight is all 1 and bias all 0: they were never loaded",
          fix: .code("load the trained values of \(path)")))
    }
    if looksInitial(parameters), isTrained() {
      found.append(
        Cause(
          .initialValues, "weight has the distribution of PyTorch's initial values",
          fix: .code("load the trained values of \(path)")))
    }
    return found
  }

  /// Whether most of some modules' weights do not look as PyTorch leaves them.
  static func areTrained(_ modules: some Collection<[ModuleParameter]>) -> Bool {
    let known = modules.lazy.filter { parameters in
      parameters.contains {
        $0.name == "weight" && $0.tensor.shape.rank >= 2
          && (32...elementLimit).contains($0.tensor.elementCount)
      }
    }.prefix(moduleLimit)
    return known.count(where: looksInitial) * 2 <= known.count
  }

  /// How many modules are looked at to know a trained model, and weights of how many elements.
  private static let (moduleLimit, elementLimit) = (32, 1 << 20)

  private static func looksInitial(_ parameters: [ModuleParameter]) -> Bool {
    parameters.first { $0.name == "weight" }.map(isUniform) ?? false
  }

  /// Whether a weight is uniform in ±1/√fan_in, as `kaiming_uniform_(a=√5)` leaves it: all within the
  /// bound, one near it, and the standard deviation bound/√3 within five standard errors.
  private static func isUniform(_ weight: ModuleParameter) -> Bool {
    let fanIn = weight.tensor.shape.dropFirst().reduce(1, *)
    guard weight.tensor.shape.rank >= 2, fanIn > 0, weight.tensor.elementCount >= 32,
      let values = try? weight.tensor.converted(to: .float32).elements(as: Float.self)
    else { return false }
    let bound = 1 / Double(fanIn).squareRoot()
    let count = Double(values.count)
    let largest = values.reduce(0.0) { max($0, abs(Double($1))) }
    guard largest <= bound * (1 + 1e-6), largest >= bound * (1 - 8 / count) else { return false }
    let square = values.reduce(0.0) { $0 + Double($1) * Double($1) } / count
    // The variance of x² for a uniform x in ±b is 4b⁴/45.
    let error = (4.0 / 45 / count).squareRoot() * bound * bound
    return abs(square - bound * bound / 3) <= 5 * error
  }
}

extension Tensor {
  /// Whether all its elements are the same number.
  var hasOneValue: Bool {
    guard let values = try? converted(to: .float32).elements(as: Float.self),
      let first = values.first
    else { return true }
    return values.allSatisfy { $0 == first }
  }
}
