import CHDF5
import WeighbridgeTensors

/// Everything an HDF5 file holds, found by following its groups. Runs inside `HDF5Library.run`.
struct HDF5Walk {
  private(set) var datasets: [(path: String, dataset: HDF5Dataset)] = []
  private(set) var skipped: [SkippedEntry] = []
  /// Scalar text datasets of the root.
  private(set) var texts: [String] = []

  private let file: hid_t
  private let linkAccess: hid_t
  /// The groups that enclose the one being read: a link back to one of them is a cycle.
  private var enclosing: [UInt64] = []
  private var linkCount = 0

  static let deepest = 64
  static let mostLinks = 200_000

  static let cycleReason = SkipReason(.link, "is a link back to a group around it")
  static let danglingReason = SkipReason(.link, "is a soft link that leads nowhere")
  static let externalReason = SkipReason(
    .link, "is a link into another file, which is never followed")
  static let otherLinkReason = SkipReason(.link, "is a link of an unknown kind")
  static let textReason = SkipReason(.text, "is text, not a tensor")
  static func reason(other what: String) -> SkipReason {
    SkipReason(.dtype, "holds \(what), which is not read")
  }

  init(_ file: hid_t) throws {
    self.file = file
    linkAccess = try HDF5Library.check(
      H5Pcreate(wb_h5_plist_link_access()), "not enough memory", code: .engine)
    defer { H5Pclose(linkAccess) }
    try HDF5Library.check(wb_h5_set_refuse_external(linkAccess), "the HDF5 library failed")
    try HDF5Library.using(H5Gopen2(file, "/", wb_h5_default()), H5Gclose, "has no root group") {
      try visit($0, path: "")
    }
  }

  private mutating func visit(_ group: hid_t, path: String) throws {
    let key = wb_h5_object_key(group)
    guard !enclosing.contains(key) else {
      skipped.append(SkippedEntry(name: path, reason: HDF5Walk.cycleReason))
      return
    }
    guard enclosing.count < HDF5Walk.deepest else {
      throw WeighbridgeError(
        .malformed, "groups lie more than \(HDF5Walk.deepest) deep", entry: path)
    }
    enclosing.append(key)
    defer { enclosing.removeLast() }
    for link in try HDF5Walk.links(group, path) {
      linkCount += 1
      guard linkCount <= HDF5Walk.mostLinks else {
        throw WeighbridgeError(.malformed, "holds more than \(HDF5Walk.mostLinks) links")
      }
      guard let name = link.name else {
        throw WeighbridgeError(.malformed, "a link's name is not UTF-8 text", entry: path)
      }
      try follow(name, link.kind, in: group, path: path.isEmpty ? name : "\(path)/\(name)")
    }
  }

  private mutating func follow(
    _ name: String, _ kind: Int32, in group: hid_t, path: String
  ) throws {
    guard kind < 2 else {
      skipped.append(
        SkippedEntry(
          name: path, reason: kind == 2 ? HDF5Walk.externalReason : HDF5Walk.otherLinkReason))
      return
    }
    let object = H5Oopen(group, name, linkAccess)
    if object < 0, kind == 1 {
      H5Eclear2(wb_h5_default())
      skipped.append(SkippedEntry(name: path, reason: HDF5Walk.danglingReason))
      return
    }
    try WeighbridgeError.locating(entry: path) {
      try HDF5Library.using(object, H5Oclose, "cannot be opened") { object in
        switch H5Iget_type(object) {
        case H5I_GROUP: try visit(object, path: path)
        case H5I_DATASET: try add(object, path: path)
        default: break  // a named datatype
        }
      }
    }
  }

  private mutating func add(_ object: hid_t, path: String) throws {
    let dataset: HDF5Dataset
    do {
      dataset = try HDF5Dataset(object)
    } catch let error as WeighbridgeError where error.code == .unsupported {
      skipped.append(SkippedEntry(name: path, reason: SkipReason(error)))
      return
    }
    switch dataset.type {
    case .numbers:
      datasets.append((path, dataset))
    case .text:
      if dataset.shape.elementCount == 1, !path.contains("/") {
        texts.append(path)
      } else {
        skipped.append(SkippedEntry(name: path, reason: HDF5Walk.textReason))
      }
    case .other(let what):
      skipped.append(SkippedEntry(name: path, reason: HDF5Walk.reason(other: what)))
    }
  }

  /// The links of a group. The callback only collects: nothing may throw through C.
  private static func links(_ group: hid_t, _ path: String) throws -> [HDF5Link] {
    var links: [HDF5Link] = []
    let result = withUnsafeMutablePointer(to: &links) { pointer in
      wb_h5_visit_links(
        group,
        { name, kind, context in
          guard let name, let context else { return }
          context.assumingMemoryBound(to: [HDF5Link].self).pointee.append(
            HDF5Link(name: String(validatingCString: name), kind: kind))
        }, pointer)
    }
    try WeighbridgeError.locating(entry: path.isEmpty ? nil : path) {
      try HDF5Library.check(result, "the group cannot be read")
    }
    return links
  }
}

private struct HDF5Link {
  /// `nil` when it is not UTF-8.
  var name: String?
  var kind: Int32
}
