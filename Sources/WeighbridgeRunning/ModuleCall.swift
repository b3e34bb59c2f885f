import Synchronization
import WeighbridgeModules

/// A module's call as a run saw it.
public struct ModuleCall: Sendable, Hashable {
  public var path: ModulePath
  /// How often the path was called before in the run.
  public var call: Int
  /// The operation's name.
  public var kind: String
  /// The shapes of what it returned.
  public var shapes: [Shape]
  /// The position, in the run's list of calls, of the call that it happened in; `nil` for the model.
  public var parent: Int?
  /// Whether other modules were called in it.
  public var hasChildren: Bool
  /// How many numbers it adds up for an element of its result, at most, its children's apart.
  package var terms = 1
}

/// The calls of a run, in the order in which they returned: children before their parents.
///
/// Modules run one after the other within a run, so a stack tells who called whom.
package final class CallLog: Sendable {
  private struct State {
    var calls: [ModuleCall] = []
    /// For each call that has not returned: the positions of the calls that returned in it.
    var open: [[Int]] = []
  }

  private let state = Mutex(State())

  package var calls: [ModuleCall] { state.withLock { $0.calls } }

  package func enter() {
    state.withLock { $0.open.append([]) }
  }

  /// Notes that the innermost open call ended without a result.
  package func abandon() {
    state.withLock { _ = $0.open.popLast() }
  }

  /// Notes that the innermost open call returned, and gives its position.
  package func leave(
    _ path: ModulePath, call: Int, kind: String, shapes: [Shape], terms: Int = 1
  ) -> Int {
    state.withLock { state in
      let children = state.open.popLast() ?? []
      let position = state.calls.count
      for child in children { state.calls[child].parent = position }
      state.calls.append(
        ModuleCall(
          path: path, call: call, kind: kind, shapes: shapes, parent: nil,
          hasChildren: !children.isEmpty, terms: terms))
      if !state.open.isEmpty { state.open[state.open.count - 1].append(position) }
      return position
    }
  }
}
