extension Reach {
  /// Why a parameter, or some of its values, is not seen. Reports word it.
  public enum Cause: Sendable, Hashable {
    /// What it multiplies hides it.
    case hidden(Hiding)
    /// The model says that it never applies it, and why.
    case neverApplied(String)
    /// Changed by this share of its size, everything compared stays within its limits.
    case unmoved(by: Double)
    /// The same of these sections of its rows alone.
    case rows([String])
    /// Not tried.
    case untried(Obstacle)
  }

  /// What hides values of a parameter.
  public enum Hiding: Sendable, Hashable {
    /// The input is zero throughout.
    case zeroInput
    /// These of so many features of the input are zero throughout.
    case features([Int], of: Int)
    /// Of a kernel: input channels that are zero throughout, positions that meet nothing but padding and
    /// zeros, and whether some positions do so in some channels.
    case kernel(channels: [Int], channelCount: Int, blank: Int, positionCount: Int, others: Bool)
    /// What the values of a channel belong to hides these of so many channels; all where there are none.
    case channels([Int], of: Int, Channel)
  }

  /// What hides the values of a channel.
  public enum Channel: Sendable, Hashable {
    /// They are added, and nothing hides them.
    case neverAdded
    /// What a norm's weight multiplies is the running mean itself.
    case runningMean
    /// A norm's weight is zero.
    case zeroWeight
    /// A norm's weight is zero, or its input the running mean.
    case zeroWeightOrMean
    /// What it multiplies is zero.
    case zero
  }

  /// Why a parameter was not tried.
  public enum Obstacle: Sendable, Hashable {
    /// It takes longer than another forward.
    case time
    /// The model does not run with it changed.
    case doesNotRun
    /// It was not kept.
    case notKept
  }
}
