import Weighbridge

extension Explanation {
  /// One row per module.
  func lines(width: Int) -> [String] {
    var table = Table(columns: [
      .init(title: "module", shrinks: true),
      .init(title: "how it runs", shrinks: true, isProse: true),
    ])
    table.rows = modules.map { [$0.path.description, $0.words] }
    let stepwise = deciding.map {
      "runs step by step: the values of \($0) decide what runs, so that no graph stands for every input"
    }
    return ["\(modules.count.counted("module")) on \(engine)"] + [stepwise].compactMap { $0 } + [""]
      + table.lines(width: width)
  }
}

extension Explanation.Line {
  /// `Conv2d: convolution + batch norm + relu as one (oneDNN: convolution)`.
  var words: String {
    let kind = calls > 1 ? "\(kind), called \(calls) times" : kind
    return "\(kind): \(how)" + (obstacle.map { "; \($0.words)" } ?? "")
  }

  private var how: String {
    var parts = stepWords
    let folded = hosts.filter(\.isFolded).map(\.path.description)
    let within = hosts.filter { !$0.isFolded }.map(\.path.description)
    if !folded.isEmpty { parts.append("folded into \(Names.listed(folded, limit: 3))") }
    if !within.isEmpty { parts.append("in the step of \(Names.listed(within, limit: 3))") }
    guard parts.isEmpty else { return parts.joined(separator: "; ") }
    if isView { return "hands on what comes in" }
    return hasChildren ? "its modules" : "nothing: the module around it does its work"
  }

  private var stepWords: [String] {
    let words = steps.map { step in
      let form = step.form.isEmpty ? "" : ": \(step.form)"
      let joint = step.isJoint ? " as one" : ""
      return "\(step.name)\(joint) (\(step.library.words)\(form))"
    }
    return words.unique.map { word in
      let count = words.filter { $0 == word }.count
      return count == 1 ? word : "\(count) × \(word)"
    }
  }
}

extension Profile.Library {
  /// For reports.
  var words: String {
    switch self {
    case .oneDNN: "oneDNN"
    case .vector: "in vectors"
    case .plain: "plain"
    }
  }
}

extension Explanation.Obstacle {
  /// Why it runs for itself.
  var words: String {
    switch self {
    case .calledApart(let path):
      "not joined with \(path): the model's code calls them one by one, where Compiled joins them"
    case .follows(let path, let kind): "not joined: before it is \(path), \(kind)"
    case .followsOperators: "not joined: what comes in is computed between modules"
    case .batchStatistics: "not folded: it takes each batch's own statistics"
    }
  }
}
