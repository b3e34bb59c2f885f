/// Which name was meant.
package enum Spelling {
  /// The nearest of `names`, when it is near: at most a third of the letters differ.
  package static func nearest(_ name: String, in names: some Sequence<String>) -> String? {
    let letters = Array(name.utf8)
    let limit = max(1, letters.count / 3)
    var best: (name: String, distance: Int)?
    for candidate in names {
      let other = Array(candidate.utf8)
      guard abs(other.count - letters.count) <= min(limit, best?.distance ?? limit) else {
        continue
      }
      let distance = distance(letters, other)
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  /// The names that were probably meant: the nearest one, whatever the case of its letters, else up
  /// to three of which `name` is a part.
  package static func meant(_ name: String, in names: some Sequence<String>) -> [String] {
    let lowered = name.lowercased()
    let nearest = nearest(lowered, in: names)
    if let nearest, nearest.count > 2 * distance(Array(lowered.utf8), Array(nearest.utf8)) {
      return [nearest]
    }
    guard lowered.count >= 3 else { return [] }
    return Array(names.filter { $0.contains(lowered) }.prefix(3))
  }

  /// Levenshtein's edit distance.
  package static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var row = Array(0...b.count)
    for i in 1...a.count {
      var diagonal = row[0]
      row[0] = i
      for j in 1...b.count {
        let change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)
        diagonal = row[j]
        row[j] = min(change, row[j] + 1, row[j - 1] + 1)
      }
    }
    return row[b.count]
  }
}
