extension Vocabulary {
  /// Orders along an axis.
  static let orders: [Function] = [
    Function("topk(input, k, dim, largest, sorted)") {
      let found = try $0.tensor("input").topK(
        $0.integer("k"), axis: $0.integer("dim", default: -1), largest: $0.flag("largest"))
      return .tensors([found.values, found.indices])
    },
    Function("sort(input, dim, descending, stable)") {
      let found = try sorted($0)
      return .tensors([found.values, found.indices])
    },
    .tensor("argsort(input, dim, descending, stable)") { try sorted($0).indices },
  ]

  private static func sorted(_ a: Arguments) throws -> IndexedValues {
    try a.tensor("input").sorted(
      axis: a.integer("dim", default: -1), descending: a.flag("descending"))
  }
}
