import WeighbridgeModules

extension LayerVerdict {
  /// The error on recorded inputs in units of its limit; 0 where it was not measured.
  package var isolatedShare: Double { isolated?.judgement.shareOfLimit ?? 0 }

  /// The larger of the two runs' ratios, in units of the limit: above 1 fails.
  package var shareOfLimit: Double? {
    [cumulative, isolated].compactMap { $0?.judgement.shareOfLimit }.max()
  }
}

extension Judgement {
  /// The ratio, or that of the largest element if it is nearer to its limit, in units of the limit.
  package var shareOfLimit: Double {
    guard let largestRatio, let largestLimit else { return ratio / limit }
    return max(ratio / limit, largestRatio / largestLimit)
  }
}
