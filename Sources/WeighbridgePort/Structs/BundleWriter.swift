/// Writes a bundle as a struct.
struct BundleWriter {
  let bundle: Bundle

  /// The lines of the struct, without indentation.
  func lines() -> [String] {
    let tensors = bundle.fields.filter { $0.kind == .tensor }.map { "\\.\($0.name)" }
    return comment() + ["struct \(bundle.name): NumberedBundle {"] + properties() + [
      "  static var places: [WritableKeyPath<Self, Tensor>] { [\(tensors.joined(separator: ", "))] }",
      "}",
    ]
  }

  private func comment() -> [String] {
    let what = "numbers beside tensors"
    guard bundle.isShared else {
      return ["/// What the forward \(bundle.isInput ? "takes" : "returns"): \(what)."]
    }
    let names = bundle.users.reversed().map { "`\($0.name)`" }
    let shown = names.count > 3 ? names.prefix(2) + ["\(names.count - 2) others"] : names[...]
    let list = shown.dropLast().joined(separator: ", ") + " and " + (shown.last ?? "")
    return Names.lines("What \(list) \(bundle.isInput ? "take" : "return"): \(what).")
      .map { "/// \($0)" }
  }

  private func properties() -> [String] {
    let types: [Interface.Field.Kind: String] = [
      .tensor: "Tensor", .integer: "Int", .number: "Double",
    ]
    var rows: [(kind: Interface.Field.Kind, names: [String])] = []
    for field in bundle.fields {
      if rows.last?.kind == field.kind {
        rows[rows.count - 1].names.append(field.name)
      } else {
        rows.append((field.kind, [field.name]))
      }
    }
    return rows.map {
      "  \($0.kind == .tensor ? "var" : "let") \($0.names.joined(separator: ", ")): \(types[$0.kind] ?? "Tensor")"
    }
  }
}
