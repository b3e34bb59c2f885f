import WeighbridgeWeights

/// The `config.json` that model hubs keep beside a file of weights.
///
/// It is looked for beside the names that hubs give their files alone, and nothing depends on it: one
/// that cannot be read says nothing.
enum HubConfiguration {
  private static let longest = 1 << 20
  private static let longestText = 4096
  private static let limit = 1000
  private static let deepest = 4

  /// Its numbers and texts, as `config.num_attention_heads`.
  static func texts(beside path: String) -> [String: String] {
    let slash = path.lastIndex(of: "/")
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    guard name.wholeMatch(of: /(model|pytorch_model|open_clip_\w+)[\w.-]*/) != nil,
      let map = try? MappedFile(path: (slash.map { path[...$0] } ?? "") + "config.json"),
      map.byteCount <= longest, let document = try? map.withBytes({ try JSONDocument(parsing: $0) })
    else { return [:] }
    var texts: [String: String] = [:]
    add(document, "config", depth: 0, to: &texts)
    return texts
  }

  private static func add(
    _ document: JSONDocument, _ name: String, depth: Int, to texts: inout [String: String]
  ) {
    guard texts.count < limit, depth <= deepest else { return }
    switch document {
    case .object(let members):
      for member in members {
        add(member.value, "\(name).\(member.key)", depth: depth + 1, to: &texts)
      }
    case .string(let text):
      if text.utf8.count <= longestText { texts[name] = text }
    case .null: return
    case .boolean, .integer, .number, .array:
      let text = document.text()
      if text.utf8.count <= longestText { texts[name] = text }
    }
  }
}
