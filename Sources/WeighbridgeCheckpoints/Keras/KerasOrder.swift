/// Where a layer stands in its file: by the order of the network, where a configuration tells it, else by
/// name, with `conv2d_10` behind `conv2d_9`.
struct KerasOrder: Comparable {
  private enum Part: Comparable {
    case position(Int)
    case text(String)
    case number(Int)
  }

  private var parts: [Part] = []

  init(_ layer: [String], _ network: KerasNetwork?) {
    var current = network
    for name in layer {
      if let found = current?.find(CollectionOfOne(name)) {
        parts.append(.position(found.position))
        current = found.layer.inner
      } else {
        current = nil
        let kind = KerasNetwork.kind(ofName: name)
        parts.append(.text(kind))
        parts.append(.number(Int(name.dropFirst(kind.count + 1)) ?? 0))
      }
    }
  }

  static func < (a: KerasOrder, b: KerasOrder) -> Bool {
    a.parts.lexicographicallyPrecedes(b.parts)
  }
}
