import Synchronization

/// Sees every module call of a run: it may record the output, compare it, or hand on another one in
/// its place.
public protocol Probe: AnyObject, Sendable {
  /// Called in place of a module's `forward`. An implementation calls `forward` once and returns its
  /// result, or a substitute of the same shape.
  ///
  /// - Parameters:
  ///   - module: The module that was called.
  ///   - call: How often the module's path was called before in this run: 0, 1, 2 …
  ///   - input: What it was called with.
  ///   - forward: Computes the module's output; its children are intercepted meanwhile.
  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output
}

/// One probed run of a model: the probe and the count of calls of every path.
public final class ProbeRun: Sendable {
  /// The run that the current task is in, if any.
  @TaskLocal public static var current: ProbeRun?

  private let probe: any Probe
  private let calls = Mutex<[ModulePath: Int]>([:])

  private init(_ probe: any Probe, callCounts: [ModulePath: Int] = [:]) {
    self.probe = probe
    calls.withLock { $0 = callCounts }
  }

  /// How often each path has been called so far.
  package var callCounts: [ModulePath: Int] { calls.withLock { $0 } }

  /// Runs `body`, which stands for a part of a run, under a probe of its own: calls count on from
  /// `callCounts`.
  package static func with<R>(
    _ probe: any Probe, countingFrom callCounts: [ModulePath: Int], _ body: () throws -> R
  ) rethrows -> R {
    try $current.withValue(ProbeRun(probe, callCounts: callCounts), operation: body)
  }

  /// Runs `body` so that `probe` sees every module call in it. Call indices start at 0.
  public static func with<R>(_ probe: any Probe, _ body: () throws -> R) rethrows -> R {
    try $current.withValue(ProbeRun(probe), operation: body)
  }

  /// Runs `body` unprobed, for instance a module rerun by the probe itself.
  public static func without<R>(_ body: () throws -> R) rethrows -> R {
    try $current.withValue(nil, operation: body)
  }

  /// Runs `body` with every module for itself, as a probed run does: no joint step, no folded norm. The
  /// results differ from those of an ordinary run by rounding.
  public static func eagerly<R>(_ body: () throws -> R) rethrows -> R {
    try with(PassingProbe(), body)
  }

  func intercept<M: Module>(_ module: M, _ input: M.Input) throws -> M.Output {
    let call = calls.withLock { calls in
      let index = calls[module.path, default: 0]
      calls[module.path] = index + 1
      return index
    }
    return try probe.intercept(module, call: call, input: input) { input in
      try module.locating { try module.forward(input) }
    }
  }
}

/// A probe that looks at nothing.
private final class PassingProbe: Probe {
  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output { try forward(input) }
}
