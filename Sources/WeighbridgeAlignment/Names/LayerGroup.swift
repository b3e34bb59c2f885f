import WeighbridgeTensors

/// The tensors of one layer, of a model or of a file.
struct LayerGroup: Sendable {
  struct Member: Sendable {
    /// The parameter's name, or the position of the tensor in the catalogue.
    var index: Int
    var tokens: NameTokens
    var shape: Shape
  }

  var tokens: [String]
  var members: [Member]

  /// What layers of a kind have in common: for each tensor its extents in ascending order, axes of one
  /// element apart, so that transposed ones are alike.
  var kind: String {
    members.map { member in
      member.shape.filter { $0 != 1 }.sorted().map(String.init).joined(separator: "×")
    }.sorted().joined(separator: " ")
  }

  /// Names that stand next to each other in the list's order, by the layer that they begin with.
  static func groups(_ names: [(index: Int, name: String, shape: Shape)]) -> [LayerGroup] {
    var groups: [LayerGroup] = []
    var positions: [String: Int] = [:]
    for (index, name, shape) in names {
      let mark = name.lastIndex { $0 == "." || $0 == "/" }
      let path = mark.map { String(name[..<$0]) } ?? ""
      let tokens = NameTokens(name)
      let member = Member(index: index, tokens: tokens, shape: shape)
      // Tensors without a path are no layer.
      if let position = positions[path], !path.isEmpty {
        groups[position].members.append(member)
      } else {
        positions[path] = groups.count
        groups.append(LayerGroup(tokens: tokens.path, members: [member]))
      }
    }
    return groups
  }
}
