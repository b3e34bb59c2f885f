import WeighbridgeReferences

extension Remark.Sampling {
  /// `nil` for a reference without samples.
  package init?(_ reference: Reference) {
    guard let sampling = reference.sampling, reference.sampledCount > 0 else { return nil }
    self.init(
      path: reference.path, count: reference.sampledCount, total: reference.keys.count,
      limit: sampling.limit, seed: sampling.seed)
  }
}
