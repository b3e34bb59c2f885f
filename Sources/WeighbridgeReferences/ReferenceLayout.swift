import WeighbridgeCheckpoints
import WeighbridgeModules

/// Sorts a reference's entries into the parts of the layout.
package struct ReferenceLayout {
  package let file: String
  /// What wrappers put into the paths of modules.
  package let paths: RecordedPaths
  /// The activations in the order of the file.
  package private(set) var keys: [ActivationKey] = []
  /// The entry of each: `activations/NAME`, or `samples/NAME`.
  package private(set) var activations: [ActivationKey: CheckpointEntry] = [:]
  /// The names of sampled activations.
  package private(set) var sampled: [ActivationKey: String] = [:]
  /// Entries `sums/NAME` by name.
  package private(set) var sums: [String: CheckpointEntry] = [:]
  /// The raw paths of noise entries by what follows `noise/`.
  package private(set) var noises: [String: String] = [:]
  package private(set) var ignored: [String] = []
  /// Two entries that record one call: what a wrapper returned, and what the module in it did.
  package private(set) var twins: [(wrapper: CheckpointEntry, wrapped: CheckpointEntry)] = []
  /// What stands behind `activations/` or `samples/`, wrappers too.
  private var recorded: Set<String> = []
  private var numbers: [String: Set<Int>] = [:]
  private var itemCounts: [String: Int] = [:]
  /// Calls that returned containers with names or containers in them.
  private var nested: Set<String> = []

  package init(file: String, paths: RecordedPaths = RecordedPaths()) {
    (self.file, self.paths) = (file, paths)
  }

  /// Whether a name lies in a part of the layout that holds tensors.
  package static func isPart(_ name: String) -> Bool {
    ["inputs/", "outputs/", "activations/", "samples/", "sums/", "noise/"].contains(
      where: name.hasPrefix)
  }

  package mutating func take(_ entry: CheckpointEntry) throws {
    let name = entry.rawPath
    let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      // The recorded network is read by who runs it, not by who compares.
      if name != "metadata", name != "network" { ignored.append(name) }
      return
    }
    switch parts[0] {
    case "inputs", "outputs":
      guard let index = ActivationKey.index(parts[1]) else {
        throw malformed(
          name, "'\(parts[1])' is not a number", "Entries are \(parts[0])/0, \(parts[0])/1 …")
      }
      numbers[String(parts[0]), default: []].insert(index)
    case "activations":
      recorded.insert(String(parts[1]))
      _ = try takeActivation(entry, String(parts[1]))
    case "samples":
      recorded.insert(String(parts[1]))
      guard let key = try takeActivation(entry, String(parts[1])) else { return }
      sampled[key] = String(parts[1])
    case "sums":
      sums[String(parts[1])] = entry
    case "noise":
      noises[String(parts[1])] = name
    case "constants":
      break  // tensors of the recorded network
    default:
      ignored.append(name)
    }
  }

  /// Items that a call named, as a dictionary's members, count in the order of the file; so do those of
  /// containers in containers, and what comes after them.
  ///
  /// - Returns: `nil` for what is known already: the network itself, whose results are the outputs, and
  ///   a wrapper whose network is recorded.
  private mutating func takeActivation(
    _ entry: CheckpointEntry, _ text: String
  ) throws -> ActivationKey? {
    guard let recorded = ActivationKey.parse(text) else {
      throw malformed(
        entry.rawPath, "this is no module path",
        "Entries are activations/layer1.0.relu, …relu#1 for later calls, …rnn/0 for tuples")
    }
    let own = paths.path(recorded.key.path.name)
    guard !own.isEmpty else { return nil }
    var key = ActivationKey(ModulePath(own), call: recorded.key.call)
    if let item = recorded.item {
      let call = recorded.key.description
      let (count, index) = (itemCounts[call, default: 0], ActivationKey.index(item))
      if index == nil { nested.insert(call) }
      key.item = nested.contains(call) ? count : index ?? count
      itemCounts[call] = count + 1
    }
    guard let other = activations[key] else {
      activations[key] = entry
      keys.append(key)
      return key
    }
    guard let pair = twin(other, entry) else {
      throw malformed(
        entry.rawPath,
        own == recorded.key.path.name && other.rawPath.hasSuffix("/" + text)
          ? "another entry records the same call"
          : "\(other.rawPath) records the same call, once wrappers are taken off",
        "Keep one of the two")
    }
    twins.append(pair)
    activations[key] = pair.wrapped
    return pair.wrapped.rawPath == entry.rawPath ? key : nil
  }

  /// Two entries of one call in their order, where one is of a wrapper and the other of what it holds.
  private func twin(
    _ a: CheckpointEntry, _ b: CheckpointEntry
  ) -> (wrapper: CheckpointEntry, wrapped: CheckpointEntry)? {
    guard let first = RecordedName(entry: a.rawPath), let second = RecordedName(entry: b.rawPath),
      first.part == second.part, first.rest == second.rest
    else { return nil }
    if second.path.hasPrefix(first.path + ".") { return (a, b) }
    return first.path.hasPrefix(second.path + ".") ? (b, a) : nil
  }

  /// Checks that a wrapper returned what the module in it did, wherever both are recorded.
  ///
  /// - Throws: `malformed` where it did not: which of the two is meant cannot be told.
  package func checkTwins(_ checkpoint: any Checkpoint) throws {
    for (wrapper, wrapped) in twins {
      var names = [wrapper.rawPath, wrapped.rawPath]
      if wrapper.rawPath.hasPrefix("samples/") {
        // Other elements were drawn of each; the sums are of all.
        names = names.map { "sums/" + $0.dropFirst("samples/".count) }
      }
      guard try checkpoint.holdSameValues(names[0], names[1]) else {
        throw malformed(
          wrapper.rawPath, "\(wrapped.rawPath) records other values of the same call",
          "Keep one of the two")
      }
    }
  }

  /// Whether a noise is one of something that is recorded.
  func isMeasured(_ name: String) -> Bool {
    guard let index = name.split(separator: "/").last.flatMap({ ActivationKey.index($0) }),
      name == "outputs/\(index)"
    else { return recorded.contains(name) }
    return numbers["outputs"]?.contains(index) == true || recorded.contains(name)
  }

  /// How many entries a numbered part has.
  package func count(of part: String) throws -> Int {
    let found = numbers[part] ?? []
    for index in 0..<found.count where !found.contains(index) {
      throw malformed(
        "\(part)/\(index)", "this entry is missing, though \(part)/\(found.max() ?? 0) is there",
        "Number the entries 0, 1, 2 …")
    }
    return found.count
  }

  private func malformed(_ entry: String, _ message: String, _ remedy: String) -> WeighbridgeError {
    WeighbridgeError(.malformed, message, file: file, entry: entry, remedy: remedy)
  }
}
