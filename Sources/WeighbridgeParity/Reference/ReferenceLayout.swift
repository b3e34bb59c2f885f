import WeighbridgeCheckpoints
import WeighbridgeModules

/// Sorts a reference's entries into the parts of the layout.
struct ReferenceLayout {
  let file: String
  /// The activations in the order of the file.
  private(set) var keys: [ActivationKey] = []
  /// The entry of each: `activations/NAME`, or `samples/NAME`.
  private(set) var activations: [ActivationKey: CheckpointEntry] = [:]
  /// The names of sampled activations.
  private(set) var sampled: [ActivationKey: String] = [:]
  /// Entries `sums/NAME` by name.
  private(set) var sums: [String: CheckpointEntry] = [:]
  /// The raw paths of noise entries by what follows `noise/`.
  private(set) var noises: [String: String] = [:]
  private(set) var ignored: [String] = []
  private var numbers: [String: Set<Int>] = [:]
  private var namedItems: [ActivationKey: Int] = [:]

  init(file: String) { self.file = file }

  /// Whether a name lies in a part of the layout that holds tensors.
  static func isPart(_ name: String) -> Bool {
    ["inputs/", "outputs/", "activations/", "samples/", "sums/", "noise/"].contains(
      where: name.hasPrefix)
  }

  mutating func take(_ entry: CheckpointEntry) throws {
    let name = entry.rawPath
    let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      if name != "metadata" { ignored.append(name) }
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
      _ = try takeActivation(entry, String(parts[1]))
    case "samples":
      sampled[try takeActivation(entry, String(parts[1]))] = String(parts[1])
    case "sums":
      sums[String(parts[1])] = entry
    case "noise":
      noises[String(parts[1])] = name
    default:
      ignored.append(name)
    }
  }

  /// Items that a call named, as a dictionary's members, count in the order of the file.
  private mutating func takeActivation(
    _ entry: CheckpointEntry, _ text: String
  ) throws -> ActivationKey {
    guard let parsed = ActivationKey.parse(text) else {
      throw malformed(
        entry.rawPath, "this is no module path",
        "Entries are activations/layer1.0.relu, …relu#1 for later calls, …rnn/0 for tuples")
    }
    var key = parsed.key
    if let item = parsed.item {
      let count = namedItems[parsed.key, default: 0]
      key.item = ActivationKey.index(item) ?? count
      namedItems[parsed.key] = count + 1
    }
    guard activations.updateValue(entry, forKey: key) == nil else {
      throw malformed(entry.rawPath, "another entry records the same call", "Keep one of the two")
    }
    keys.append(key)
    return key
  }

  /// How many entries a numbered part has.
  func count(of part: String) throws -> Int {
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
