import WeighbridgeTensors
import WeighbridgeVerdicts

extension Reach.Cause {
  /// In words, without the parameter's name.
  var text: String {
    switch self {
    case .hidden(let hiding): hiding.text
    case .neverApplied(let why): why
    case .unmoved(let share):
      "changed by \(share >= 1 ? "all" : "1/\(Int(1 / share))") of its size, everything compared stays "
        + "within its limits"
    case .rows(let sections): "nothing reacts to its rows of \(sections.joined(separator: ", "))"
    case .untried(let obstacle): "not tried: \(obstacle.text)"
    }
  }
}

extension Reach.Obstacle {
  fileprivate var text: String {
    switch self {
    case .time: "others stand for it; \(Setting.reach) always tries all"
    case .doesNotRun: "the model does not run with it changed"
    case .notKept: "it was not kept"
    }
  }
}

extension Reach.Hiding {
  fileprivate var text: String {
    switch self {
    case .zeroInput: "its input is zero throughout"
    case .features(let hidden, let count):
      "input features \(listed(hidden, of: count)) are zero throughout"
    case .kernel(let channels, let count, let blank, let positions, let others):
      kernel(channels, count, blank, positions, others)
    case .channels(let hidden, let count, let why):
      hidden.isEmpty ? why.text : "\(why.text) in channels \(listed(hidden, of: count))"
    }
  }

  private func kernel(
    _ channels: [Int], _ count: Int, _ blank: Int, _ positions: Int, _ others: Bool
  ) -> String {
    var parts: [String] = []
    if !channels.isEmpty {
      parts.append("input channels \(listed(channels, of: count)) are zero throughout")
    }
    if blank > 0 {
      parts.append("\(blank) of \(positions) kernel positions meet padding or zeros alone")
    }
    if others {
      parts.append("some kernel positions meet padding or zeros alone in some channels")
    }
    return parts.joined(separator: ", ")
  }

  private func listed(_ hidden: [Int], of count: Int) -> String {
    Names.listed(hidden.map(String.init), limit: 4) + " of \(count)"
  }
}

extension Reach.Channel {
  fileprivate var text: String {
    switch self {
    case .neverAdded: "never added"
    case .runningMean: "what it multiplies is the running mean itself"
    case .zeroWeight: "the norm's weight is zero"
    case .zeroWeightOrMean: "the norm's weight is zero, or its input the running mean"
    case .zero: "what it multiplies is zero"
    }
  }
}
