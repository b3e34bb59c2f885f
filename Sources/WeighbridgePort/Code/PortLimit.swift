import WeighbridgeNetwork

/// Something that cannot be ported, and where it stands in the Python.
struct PortLimit: Error, Hashable {
  let reason: String
  var place: Network.Place?
  /// The path of a module in which it happens.
  var module = ""

  init(_ reason: String) { self.reason = reason }

  /// `attn: calls median, which … (net.py:12)`.
  var summary: String {
    let owner = module.isEmpty ? "the network" : module
    return "\(owner): \(reason)" + (place.map { " (\($0))" } ?? "")
  }
}
