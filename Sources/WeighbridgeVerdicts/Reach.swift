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

  /// Why nothing is proved where most of what a model applies is not seen, or the outputs are so few
  /// decisions that other weights come to them, too. Parameters are counted and not their values, since an
  /// embedding need not meet every word; a sample stands for those that were not tried.
  package var gap: Gap? {
    let total = parameters.count { $0.standing != .neverApplied }
    let sample = parameters.filter(\.isByRun)
    let inSample = sample.count { $0.standing == .unseen }
    var hiddenCount = Double(hidden.count)
    if !sample.isEmpty {
      hiddenCount += Double(inSample) / Double(sample.count) * Double(untried.count)
    }
    if 2 * hiddenCount > Double(total) { return .unseen }
    return isDecided ? .decided : nil
  }
}
