import Synchronization
import WeighbridgeModules
import WeighbridgeReferences

extension Reference {
  /// The reference under the names that a model has: with wrappers taken off, unless more of the paths
  /// as they are recorded are modules of the model. A network may have a `module` of its own.
  ///
  /// - Throws: What running the model throws, and what reading the layout throws.
  package func named(for model: any Module, _ inputs: [Tensor]) throws -> Reference {
    guard wrappers.changedCount > 0 else { return self }
    let probe = PathProbe()
    _ = try ProbeRun.with(probe) { try model.run(inputs) }
    let paths = probe.paths
    func count(_ reference: Reference) -> Int { reference.keys.count { paths.contains($0.path) } }
    let asRecorded = try Reference(checkpoint, RecordedPaths())
    return count(asRecorded) > count(self) ? asRecorded : self
  }
}

/// Collects the paths of the modules that are called.
private final class PathProbe: Probe {
  private let found = Mutex<Set<ModulePath>>([])

  var paths: Set<ModulePath> { found.withLock { $0 } }

  func intercept<M: Module>(
    _ module: M, call: Int, input: M.Input, forward: (M.Input) throws -> M.Output
  ) throws -> M.Output {
    found.withLock { _ = $0.insert(module.path) }
    return try forward(input)
  }
}
