import WeighbridgeModules

/// What the compared values say of a model's parameters: a pass says nothing of those to which none of
/// them reacts.
public struct Reach: Sendable, Hashable {
  /// How a parameter stands to what was compared.
  public enum Standing: String, Sendable, Hashable {
    /// Changed, it makes a compared value wrong.
    case seen
    /// So do some of its values; the others meet nothing but zeros.
    case partly
    /// Nothing compared reacts to it.
    case unseen
    /// The model loads it and never applies it, whatever the reference.
    case neverApplied = "never-applied"
    /// Not found out.
    case untried
  }

  /// One parameter or buffer.
  public struct Parameter: Sendable, Hashable {
    /// The full name, `layer1.0.conv1.weight`.
    public var name: String
    /// How many values it has.
    public var count: Int
    /// How many of them nothing compared reacts to.
    public var unseenCount: Int
    /// How it stands to what was compared.
    public var standing: Standing
    /// Why it is not seen as a whole.
    public var cause: Cause?
    /// Whether that took a run of the model with it changed. Of these a sample may stand for the others,
    /// which are `untried`.
    package var isByRun: Bool

    package init(
      name: String, count: Int, unseenCount: Int, standing: Standing, cause: Cause?,
      isByRun: Bool = false
    ) {
      (self.name, self.count, self.unseenCount) = (name, count, unseenCount)
      (self.standing, self.cause, self.isByRun) = (standing, cause, isByRun)
    }
  }

  /// Every parameter and buffer that the model computes with or loads, in its order.
  public var parameters: [Parameter]
  /// The change that was tried, as a share of a parameter's RMS.
  public var change: Double
  /// Whether nothing was compared but outputs that are a few decisions.
  package var isDecided: Bool

  package init(parameters: [Parameter], change: Double, isDecided: Bool = false) {
    (self.parameters, self.change, self.isDecided) = (parameters, change, isDecided)
  }

  /// Those to which no compared value reacts.
  public var unseen: [Parameter] {
    parameters.filter { $0.standing == .unseen || $0.standing == .neverApplied }
  }

  /// Those to which compared values react, though not to all of their values.
  public var partlySeen: [Parameter] { parameters.filter { $0.standing == .partly } }

  /// Those that were not tried.
  public var untried: [Parameter] { parameters.filter { $0.standing == .untried } }

  /// The share of all values that nothing reacts to, of what is ever applied.
  public var unseenShare: Double {
    let applied = parameters.filter { $0.standing != .neverApplied }
    let all = applied.reduce(0) { $0 + $1.count }
    return all == 0 ? 0 : Double(applied.reduce(0) { $0 + $1.unseenCount }) / Double(all)
  }

  /// How many are applied and not seen.
  package var hidden: [Parameter] { parameters.filter { $0.standing == .unseen } }

  /// The share of all values from which parameters that are not seen count: bounds that nothing reaches may
  /// be most of a network's parameters, and are next to none of its values.
  private static let leastShare = 0.1

  /// How many parameters a run has told of before they stand for those that were not tried: two that are
  /// not seen say little of hundreds.
  package static let leastSample = 8

  /// Why nothing is proved where most of what a model applies is not seen, or the outputs are so few
  /// decisions that other weights come to them, too. Most are more than half of the parameters, since an
  /// embedding need not meet every word, and not next to no values.
  package var gap: Gap? {
    if hiddenShare({ _ in 1 }) > 0.5, hiddenShare({ Double($0.count) }) > Self.leastShare {
      return .unseen
    }
    return isDecided ? .decided : nil
  }

  /// How much of what is applied is not seen, by some weight of each; a sample stands for what was not tried.
  private func hiddenShare(_ weight: (Parameter) -> Double) -> Double {
    func sum(_ isMeant: (Parameter) -> Bool) -> Double {
      parameters.reduce(0) { $0 + (isMeant($1) ? weight($1) : 0) }
    }
    let all = sum { $0.standing != .neverApplied }
    guard all > 0 else { return 0 }
    let sample = sum { $0.isByRun }
    let isTelling = sample > 0 && parameters.count { $0.isByRun } >= Self.leastSample
    let inSample = isTelling ? sum { $0.isByRun && $0.standing == .unseen } / sample : 0
    return (sum { $0.standing == .unseen } + inSample * sum { $0.standing == .untried }) / all
  }
}
