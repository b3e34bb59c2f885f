import WeighbridgeCheckpoints
import WeighbridgeModules

/// The paths of recorded modules without what wrappers put into them: `DataParallel` keeps its network
/// under `module`, `torch.compile` under `_orig_mod`.
///
/// A recorder that hooked the wrapper saw every module under it, and the network itself as `module`.
/// Only torch.compile has the name `_orig_mod`, so that it is taken off wherever it stands. A network
/// may have a `module` of its own: that one is taken off where every recorded path begins with it, and
/// within the network where what is called so returned its parent's very values.
package struct RecordedPaths: Sendable {
  /// What stood before every path, outermost first: `["_orig_mod", "module"]`.
  package private(set) var lead: [String] = []
  /// Paths, behind the lead and without torch.compile's part, of what stands in a wrapper within the
  /// network: `backbone.module`.
  private var wrapped: Set<String> = []
  /// How many recorded names are changed.
  package private(set) var changedCount = 0

  private static let compiled = "_orig_mod"
  private static let parallel = "module"

  /// Leaves every path as it is.
  package init() {}

  /// Looks at the recorded activations for wrappers.
  ///
  /// - Throws: What reading activations throws, where values must tell.
  package init(of checkpoint: any Checkpoint) throws {
    let names = checkpoint.entries.compactMap { RecordedName(entry: $0.rawPath) }
    let isPossible = names.contains {
      $0.path.contains(RecordedPaths.compiled) || $0.path.contains(RecordedPaths.parallel)
    }
    guard isPossible else { return }
    findLead(names.map(\.path))
    try findWrapped(names, checkpoint)
    changedCount = names.count { path($0.path) != $0.path }
  }

  /// The wrapped network's own name for a path; empty for the network itself.
  package func path(_ recorded: String) -> String { wrappedAway(unled(recorded)) }

  /// The same for a name with a call and an item behind its path: `module.rnn#1/0`.
  package func name(_ recorded: String) -> String {
    let parts = RecordedName(recorded)
    return path(parts.path) + parts.rest
  }

  /// Whether torch.compile's part stands within a path.
  private var hasInner = false

  /// The wrappers' parts that are taken off.
  package var taken: [String] {
    [(RecordedPaths.parallel, !wrapped.isEmpty), (RecordedPaths.compiled, hasInner)]
      .filter { part, isInner in isInner || lead.contains(part) }.map(\.0)
  }

  private mutating func findLead(_ paths: [String]) {
    // The inner wrapper's own path, and the network's, say nothing of what stands before the others.
    var rest = paths.map { $0.dotted }
    while let first = rest.first(where: { !$0.isEmpty })?.first,
      first == RecordedPaths.compiled || first == RecordedPaths.parallel,
      rest.allSatisfy({ $0.isEmpty || $0.first == first })
    {
      lead.append(first)
      rest = rest.map { Array($0.dropFirst()) }
    }
    hasInner = rest.contains { $0.contains(RecordedPaths.compiled) }
  }

  /// A path without the lead and without torch.compile's parts.
  private func unled(_ recorded: String) -> String {
    guard !lead.isEmpty || hasInner else { return recorded }
    var parts = recorded.dotted
    for step in lead where parts.first == step { parts.removeFirst() }
    return parts.filter { $0 != RecordedPaths.compiled }.joined(separator: ".")
  }

  /// A path without the wrappers within the network.
  private func wrappedAway(_ path: String) -> String {
    guard !wrapped.isEmpty else { return path }
    var (kept, walked) = ([String](), [String]())
    for part in path.dotted {
      walked.append(part)
      if !wrapped.contains(walked.joined(separator: ".")) { kept.append(part) }
    }
    return kept.joined(separator: ".")
  }

  /// Finds modules called `module` that are all that their parent has, and returned its very values.
  private mutating func findWrapped(_ names: [RecordedName], _ checkpoint: any Checkpoint) throws {
    var entries: [String: String] = [:]
    var children: [String: Set<String>] = [:]
    for name in names {
      let path = unled(name.path)
      if name.rest.isEmpty, name.part == "activations" { entries[path] = name.entry }
      var parts = path.dotted
      while let last = parts.popLast() {
        children[parts.joined(separator: "."), default: []].insert(last)
      }
    }
    for (path, entry) in entries.sorted(by: { $0.key < $1.key }) {
      let parts = path.dotted
      let parent = parts.dropLast().joined(separator: ".")
      guard parts.count > 1, parts.last == RecordedPaths.parallel,
        children[parent] == [RecordedPaths.parallel], let outer = entries[parent],
        try checkpoint.holdSameValues(outer, entry)
      else { continue }
      wrapped.insert(path)
    }
  }
}

/// The name of a recorded activation in its parts.
package struct RecordedName {
  /// `activations` or `samples`; empty for a name without it.
  package let part: String
  /// The whole entry.
  package let entry: String
  /// The module's path.
  package let path: String
  /// What stands behind it, the call and the item: `#1/0`.
  package let rest: String

  /// A name as it stands behind `activations/`.
  package init(_ name: String) { self.init(part: "", entry: name, name: name[...]) }

  /// An entry of a reference; `nil` for one that records no activation.
  package init?(entry: String) {
    guard let slash = entry.firstIndex(of: "/") else { return nil }
    let part = String(entry[..<slash])
    guard part == "activations" || part == "samples" else { return nil }
    self.init(part: part, entry: entry, name: entry[entry.index(after: slash)...])
  }

  private init(part: String, entry: String, name: Substring) {
    let head = name[..<(name.firstIndex(of: "/") ?? name.endIndex)]
    let end = head.lastIndex(of: "#") ?? head.endIndex
    (self.part, self.entry) = (part, entry)
    (path, rest) = (String(name[..<end]), String(name[end...]))
  }
}

extension String {
  /// The components of a module's path.
  fileprivate var dotted: [String] {
    split(separator: ".", omittingEmptySubsequences: false).map(String.init)
  }
}

extension Checkpoint {
  /// Whether two entries hold the same bytes under one dtype and shape.
  package func holdSameValues(_ a: String, _ b: String) throws -> Bool {
    guard let first = entry(a), let second = entry(b), first.dtype == second.dtype,
      first.shape == second.shape
    else { return false }
    let values = try tensors([a, b]).map { try $0.contiguous() }
    return try values[0].withUnsafeBytes { bytes in
      try values[1].withUnsafeBytes { bytes.elementsEqual($0) }
    }
  }
}
