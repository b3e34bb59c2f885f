/// Several names in a sentence.
package enum Names {
  /// The first few of several names: `a, b and 4 more`.
  package static func listed(_ names: [String], limit: Int = 5) -> String {
    names.prefix(limit).joined(separator: ", ")
      + (names.count > limit ? " and \(names.count - limit) more" : "")
  }
}
