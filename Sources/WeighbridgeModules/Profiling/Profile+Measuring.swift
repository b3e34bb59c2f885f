extension Profile {
  /// Runs `body` once to get warm and then `runs` times, and gives its result and where the time of the
  /// fastest run went.
  ///
  /// - Parameters:
  ///   - runs: How often it is measured; at least once.
  ///   - isEager: Whether every module runs for itself, as in a probed run.
  ///   - body: A run of a model, or of several.
  /// - Throws: What `body` throws.
  public static func measuring<R>(
    runs: Int = 5, isEager: Bool = false, _ body: () throws -> R
  ) throws -> (result: R, profile: Profile) {
    func run() throws -> (result: R, entries: [RunLog.Entry], duration: Duration) {
      let (log, start) = (RunLog(), ContinuousClock.now)
      let result = try RunLog.keeping(log) {
        try isEager ? ProbeRun.eagerly(body) : ProbeRun.without(body)
      }
      return (result, log.entries, ContinuousClock.now - start)
    }
    let first = try run()
    var best = try run()
    for _ in 1..<max(1, min(runs, 10_000)) {
      let next = try run()
      if next.duration < best.duration { best = next }
    }
    return (
      first.result,
      Profile(
        steps: best.entries.map(Step.init), seconds: best.duration / .seconds(1),
        firstSeconds: first.duration / .seconds(1), runs: max(1, runs),
        threads: Engines.threadCount, isEager: isEager)
    )
  }
}

extension Module {
  /// Where the time of a run on these inputs goes, and what ran as one.
  ///
  /// - Parameters:
  ///   - inputs: In the order of PyTorch's arguments.
  ///   - runs: How often it is measured; the fastest counts.
  ///   - isEager: Whether every module runs for itself, as in a probed run.
  /// - Throws: What a run throws.
  public func profile(
    _ inputs: [Tensor], runs: Int = 5, isEager: Bool = false
  ) throws -> Profile {
    try Profile.measuring(runs: runs, isEager: isEager) { try run(inputs) }.profile
  }
}
