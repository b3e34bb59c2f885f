import WeighbridgeModules
import WeighbridgeVerdicts

extension Reach {
  /// `no compared value reacts to 2 of 62 parameters and to parts of 1, 12 % of the values`; `nil`
  /// where everything is seen.
  var text: String? {
    let total = parameters.count { $0.standing != .neverApplied }
    var places: [String] = []
    if !hidden.isEmpty { places.append("to \(hidden.count) of \(total) parameters") }
    if !partlySeen.isEmpty {
      places.append(
        "to parts of \(partlySeen.count)\(hidden.isEmpty ? " of \(total) parameters" : "")")
    }
    var words =
      places.isEmpty
      ? []
      : [
        "no compared value reacts \(places.joined(separator: " and ")), "
          + "\(Format.percent(unseenShare)) of the values"
      ]
    if !untried.isEmpty { words.append("\(untried.count) of \(total) parameters not tried") }
    return words.isEmpty ? nil : words.joined(separator: "; ")
  }
}

extension Reach.Parameter {
  /// Why it is not seen as a whole, in words; `nil` where it is.
  public var reason: String? { cause?.text }

  /// The name, and why it is not seen.
  var text: String { reason.map { "\(name) (\($0))" } ?? name }
}

extension Reach.Standing {
  /// In words.
  var text: String {
    switch self {
    case .seen: "yes"
    case .partly: "in part"
    case .unseen: "no"
    case .neverApplied: "never applied"
    case .untried: "not tried"
    }
  }
}
