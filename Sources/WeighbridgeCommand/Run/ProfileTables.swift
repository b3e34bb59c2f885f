import Foundation
import Weighbridge
import WeighbridgeWeights

extension Profile {
  /// The modules that are listed; the others share a line.
  private static let moduleLimit = 20

  /// The tables: by operator, what ran as one, by module.
  func lines(width: Int) -> [String] {
    let headline =
      "\(seconds.milliseconds) ms\(isEager ? " eager" : ""), the fastest of \(runs.counted("run")) after "
      + "the first (\(firstSeconds.milliseconds) ms) · \(Engines.float32Name), "
      + threads.counted("thread")
    return headline.wrapped(to: width) + [""] + operatorTable.lines(width: width) + [""]
      + jointLines(width: width) + [""] + moduleTable.lines(width: width)
  }

  private var operatorTable: Table {
    var table = Table(columns: [
      .init(title: "operator", shrinks: true, isProse: true),
      .init(title: "steps", alignment: .right), .init(title: "ms", alignment: .right),
      .init(title: "share", alignment: .right), .init(title: "GFLOP/s", alignment: .right),
    ])
    table.rows = operators.map { share in
      [
        share.name, "\(share.steps.count)", share.seconds.milliseconds, percent(share.seconds),
        share.rate,
      ]
    }
    table.rows.append(
      ["between operators", "", secondsBetween.milliseconds, percent(secondsBetween), ""])
    table.rows.append(["total", "\(steps.count)", seconds.milliseconds, percent(seconds), ""])
    return table
  }

  private func jointLines(width: Int) -> [String] {
    let shares = jointSteps
    guard !shares.isEmpty else {
      let why = isEager ? ": --eager runs every module for itself" : ""
      return "nothing ran as one\(why)".wrapped(to: width)
    }
    var table = Table(columns: [
      .init(title: "ran as one", shrinks: true, isProse: true),
      .init(title: "with the work of", shrinks: true, isProse: true),
    ])
    table.rows = shares.map { share in
      ["\(share.steps.count) × \(share.name)", share.joinedWords]
    }
    return table.lines(width: width)
  }

  private var moduleTable: Table {
    var table = Table(columns: [
      .init(title: "module", shrinks: true),
      .init(title: "what ran", shrinks: true, isProse: true),
      .init(title: "ms", alignment: .right), .init(title: "share", alignment: .right),
    ])
    let layers = layers
    let shown = layers.count > Self.moduleLimit + 1 ? Self.moduleLimit : layers.count
    table.rows = layers.prefix(shown).map { share in
      [
        ModulePath(share.name).description, share.operatorWords, share.seconds.milliseconds,
        percent(share.seconds),
      ]
    }
    let rest = layers.dropFirst(shown)
    if !rest.isEmpty {
      let seconds = rest.reduce(0) { $0 + $1.seconds }
      table.rows.append(
        [
          "\(rest.count) more", "--json lists all", seconds.milliseconds, percent(seconds),
        ])
    }
    return table
  }

  private func percent(_ part: Double) -> String {
    String(format: "%.1f %%", seconds > 0 ? 100 * part / seconds : 0)
  }
}

extension Profile.Share {
  /// Arithmetic per second, for operators that consist of multiplications and additions.
  fileprivate var rate: String {
    products > 0 && seconds > 0 ? String(format: "%.0f", Double(2 * products) / seconds / 1e9) : ""
  }

  /// The kinds of modules whose work these steps do as well.
  fileprivate var joinedWords: String {
    let kinds = steps.flatMap(\.joined).map { $0.isFolded ? "\($0.kind) (folded)" : $0.kind }
    var words = kinds.unique.map { kind in "\(kinds.filter { $0 == kind }.count) \(kind)" }
    let sums = steps.filter { $0.parts.contains("residual") }.count
    if sums > 0 { words.append(sums.counted("sum")) }
    return words.isEmpty ? "functions outside any module" : words.joined(separator: ", ")
  }

  /// What a module ran: `convolution + relu`, `2 × copy`.
  fileprivate var operatorWords: String {
    let names = steps.map(\.name)
    return names.unique.map { name in
      let count = names.filter { $0 == name }.count
      return count == 1 ? name : "\(count) × \(name)"
    }.joined(separator: ", ")
  }
}

extension [String] {
  /// Each once, in the order of their first places.
  var unique: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}

extension Double {
  /// Seconds as milliseconds: `0.042`, `12.30`, `310.5`.
  var milliseconds: String {
    let value = self * 1000
    let places = value < 1 ? 3 : value < 100 ? 2 : 1
    return String(format: "%.\(places)f", value)
  }
}
