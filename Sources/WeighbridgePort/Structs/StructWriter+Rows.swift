extension StructWriter {
  /// A list with runs of equal modules as loops that fill it, where that is shorter.
  func loops(_ name: String, _ building: Building) -> [String]? {
    guard case .list(let items) = building,
      let property = draft.layout.properties.first(where: { $0.name == name }),
      case .modules = property.content,
      !family.parameters.contains(where: { $0.name == name || $0.name == "index" })
    else { return nil }
    let runs = Building.runs(items)
    var (lines, place) = (["var \(name): \(type(building, name)) = []"], 0)
    for (element, count) in runs {
      let made = made(element, scope: scope(property, count > 1 ? "index" : "\(place)"))
      let line = "\(name).append(\(made.marked))"
      lines +=
        count > 1
        ? ["for index in \(place)..<\(place + count) {", "  \(line)", "}"] : [line]
      place += count
    }
    lines.append("self.\(name) = \(name)")
    let whole = items.enumerated().map { self.made($1, scope: scope(property, "\($0)")).text }
    return height(lines) < 1 + height(whole) ? lines : nil
  }

  /// About how many lines expressions take, each formatted for itself: one that is too long for a line
  /// begins and ends in lines of their own.
  private func height(_ expressions: [String]) -> Int {
    expressions.reduce(0) { $0 + ($1.count <= 90 ? 1 : 2 + $1.count / 90) }
  }
}
