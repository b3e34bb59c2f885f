import WeighbridgeTensors

/// Everything that a file in the classic format holds, as `HDF5Walk` finds it through the library.
struct HDF5ClassicWalk {
  private(set) var datasets: [(path: String, dataset: HDF5Dataset)] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]

  private let file: HDF5Structure
  /// The headers of the groups around the one being read.
  private var enclosing: [Int] = []
  private var linkCount = 0

  init(_ file: HDF5Structure) throws {
    self.file = file
    let root = try HDF5ObjectHeader(file, at: file.root)
    try readAttributes(root)
    guard let members = try file.members(of: root) else {
      throw HDF5Structure.damaged("its root is no group")
    }
    try visit(members, header: file.root, path: "")
  }

  private mutating func readAttributes(_ root: HDF5ObjectHeader) throws {
    if let info = try root.only(HDF5ObjectHeader.Kind.attributeInfo) {
      // Version, flags, the largest creation index where flag 0 says so, then the heap's address.
      let offset = info.offset + 2 + (try file.u8(info.offset + 1) & 1 != 0 ? 2 : 0)
      if let heap = try file.optionalAddress(offset) { try file.leaveToLibrary("FRHP", at: heap) }
    }
    for message in root.messages[HDF5ObjectHeader.Kind.attribute] ?? [] {
      let (name, value) = try file.attribute(message)
      metadata[name] = value
    }
  }

  private mutating func visit(
    _ members: [(name: String, link: HDF5Structure.Link)], header: Int, path: String
  ) throws {
    guard !enclosing.contains(header) else {
      skipped.append(SkippedEntry(name: path, reason: HDF5Walk.cycleReason))
      return
    }
    guard enclosing.count < HDF5Walk.deepest else {
      throw WeighbridgeError(
        .malformed, "groups lie more than \(HDF5Walk.deepest) deep", entry: path)
    }
    enclosing.append(header)
    defer { enclosing.removeLast() }
    for (name, link) in members {
      linkCount += 1
      guard linkCount <= HDF5Walk.mostLinks else {
        throw WeighbridgeError(.malformed, "holds more than \(HDF5Walk.mostLinks) links")
      }
      let path = path.isEmpty ? name : "\(path)/\(name)"
      try WeighbridgeError.locating(entry: path) {
        switch link {
        case .hard(let header): try read(header, path: path)
        case .soft(let target):
          guard let header = try resolve(target, from: header, hops: 0) else {
            skipped.append(SkippedEntry(name: path, reason: HDF5Walk.danglingReason))
            return
          }
          try read(header, path: path)
        case .external:
          skipped.append(SkippedEntry(name: path, reason: HDF5Walk.externalReason))
        case .other:
          skipped.append(SkippedEntry(name: path, reason: HDF5Walk.otherLinkReason))
        }
      }
    }
  }

  /// The object header that a soft link in a group leads to.
  private func resolve(_ target: String, from group: Int, hops: Int) throws -> Int? {
    guard hops < 16 else { return nil }
    var header = target.hasPrefix("/") ? file.root : group
    for step in target.split(separator: "/") where step != "." {
      guard let members = try file.members(of: HDF5ObjectHeader(file, at: header)),
        let member = members.first(where: { $0.name == step })
      else { return nil }
      switch member.link {
      case .hard(let next): header = next
      case .soft(let next):
        guard let resolved = try resolve(next, from: header, hops: hops + 1) else { return nil }
        header = resolved
      case .external, .other: return nil
      }
    }
    return header
  }

  private mutating func read(_ address: Int, path: String) throws {
    let header = try HDF5ObjectHeader(file, at: address)
    if let members = try file.members(of: header) {
      try visit(members, header: address, path: path)
    } else if let space = try header.only(HDF5ObjectHeader.Kind.dataspace),
      let type = try header.only(HDF5ObjectHeader.Kind.datatype),
      let layout = try header.only(HDF5ObjectHeader.Kind.layout)
    {
      try add(header, space, type, layout, path: path)
    } else if header.messages[HDF5ObjectHeader.Kind.datatype] == nil {
      throw HDF5Structure.damaged("an object is neither a group nor a dataset")
    }
  }

  private mutating func add(
    _ header: HDF5ObjectHeader, _ space: HDF5ObjectHeader.Message,
    _ type: HDF5ObjectHeader.Message, _ layout: HDF5ObjectHeader.Message, path: String
  ) throws {
    guard header.messages[HDF5ObjectHeader.Kind.external] == nil else {
      skipped.append(
        SkippedEntry(
          name: path,
          reason: SkipReason(
            .encoding, HDF5Dataset.externalReason, remedy: "Copy them into this file")))
      return
    }
    let (extents, elements) = (try file.dataspace(space), try file.datatype(type).0)
    let place: HDF5Layout
    do {
      place = try self.layout(header, layout, rank: extents.count)
    } catch let error as WeighbridgeError where error.code == .unsupported {
      skipped.append(SkippedEntry(name: path, reason: SkipReason(error)))
      return
    }
    let dataset = HDF5Dataset(
      type: elements,
      shape: try Shape.validated(extents, dtype: elements.dtype ?? .float64),
      layout: place,
      fill: try file.fill(header, elementSize: elements.dtype?.byteCount ?? 0))
    switch elements {
    case .numbers:
      datasets.append((path, dataset))
    case .text where dataset.shape.elementCount == 1 && !path.contains("/"):
      let offset: Int? =
        switch dataset.layout.kind {
        case .contiguous(let offset), .compact(.some(let offset)): offset
        case .chunked, .absent, .compact(nil): nil
        }
      guard let offset else {
        skipped.append(SkippedEntry(name: path, reason: HDF5Walk.textReason))
        return
      }
      let end = min(file.count, offset.addingReportingOverflow(dataset.layout.storedByteCount).0)
      metadata[path] = try file.scalar(elements, at: offset, before: end)
    case .text:
      skipped.append(SkippedEntry(name: path, reason: HDF5Walk.textReason))
    case .other(let what):
      skipped.append(SkippedEntry(name: path, reason: HDF5Walk.reason(other: what)))
    }
  }

  private func layout(
    _ header: HDF5ObjectHeader, _ message: HDF5ObjectHeader.Message, rank: Int
  ) throws -> HDF5Layout {
    let filters = try header.only(HDF5ObjectHeader.Kind.filters).map(file.filters) ?? []
    return try file.layout(message, filters: filters, rank: rank)
  }
}
