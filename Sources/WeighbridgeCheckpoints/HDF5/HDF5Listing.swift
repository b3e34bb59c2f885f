import WeighbridgeTensors

/// Everything that a file holds, found by following its groups from the root.
///
/// An object that cannot be read is listed with its reason, and the others are read. What links say is
/// followed within bounds: a file of some size can name so many things and no more.
struct HDF5Listing {
  /// The datasets of numbers, in the file's order.
  private(set) var datasets: [HDF5Dataset] = []
  /// The path of each of them.
  private(set) var paths: [String] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]
  /// The names of the root's attributes, whatever they hold.
  private(set) var attributes: Set<String> = []
  /// What groups that hold a layer's variables in Keras' files, `vars`, have as their attribute `name`;
  /// empty where they have none.
  private(set) var variableGroups: [String: String] = [:]

  private let file: HDF5Structure
  private var links: HDF5LinkResolver
  /// The headers of the groups around the one being read.
  private var enclosing: [Int] = []

  static let deepest = 64

  static let cycle = SkipReason(.link, "is a link back to a group around it")
  static let external = SkipReason(.link, "is a link into another file, which is never followed")
  static let otherLink = SkipReason(.link, "is a link of an unknown kind")
  static let notUTF8 = SkipReason(
    .encoding, "its name is not UTF-8 text", remedy: "Rename it")
  static let tooDeep = SkipReason(
    .encoding, "lies more than \(deepest) groups deep", remedy: "Write the file with fewer groups")
  static let text = SkipReason(.text, "is text, not a tensor")

  /// - Throws: What makes the whole file unreadable: its root cannot be read, or its links multiply.
  init(_ file: HDF5Structure) throws {
    self.file = file
    links = HDF5LinkResolver(file)
    let root = try HDF5ObjectHeader(file, at: file.superblock.root)
    guard let members = try links.members(of: file.superblock.root, root) else {
      throw HDF5Structure.damaged("its root is no group")
    }
    try readAttributes(root)
    try visit(members, header: file.superblock.root, path: "")
    // Every group's members: as large as all that was found.
    links = HDF5LinkResolver(file)
  }

  /// Reads the root's attributes; one that cannot be read is listed with its reason.
  private mutating func readAttributes(_ root: HDF5ObjectHeader) throws {
    var (values, problems): ([String: String], [SkippedEntry]) = ([:], [])
    let whole = try HDF5Listing.reason {
      try file.forEachAttribute(of: root) { offset, count in
        var name = "(an attribute)"
        let reason = try HDF5Listing.reason {
          let attribute = try file.attribute(offset, count)
          name = attribute.name
          attributes.insert(name)
          values[name] = try file.value(of: attribute)
          if name == "metadata", values[name] == nil {
            throw HDF5Unreadable(
              .text, "is an attribute that is no single text in UTF-8, so it says nothing here",
              remedy: "Write it as one text")
          }
        }
        if let reason { problems.append(SkippedEntry(name: name, reason: reason)) }
      }
    }
    if let whole { problems.append(SkippedEntry(name: "(attributes)", reason: whole)) }
    metadata.merge(values) { first, _ in first }
    skipped += problems
  }

  /// Why `body` failed; `nil` when it did not.
  ///
  /// - Throws: Where the file's work is used up, as that ends everything.
  private static func reason(_ body: () throws -> Void) throws -> SkipReason? {
    do {
      try body()
      return nil
    } catch let error as HDF5Unreadable {
      return error.reason
    } catch let error as WeighbridgeError where !HDF5Work.isUsedUp(error) {
      return SkipReason(error)
    }
  }

  private mutating func visit(
    _ members: HDF5LinkResolver.Members, header: Int, path: String
  ) throws {
    enclosing.append(header)
    defer { enclosing.removeLast() }
    for member in members.all {
      let path = path.isEmpty ? member.name : "\(path)/\(member.name)"
      try file.work.name(path.utf8.count)
      guard member.isUTF8 else {
        skip(path, HDF5Listing.notUTF8)
        continue
      }
      let (target, reason) = try links.target(of: member.link, in: header)
      guard let target else {
        skip(path, reason ?? HDF5LinkResolver.dangling)
        continue
      }
      try read(target, path: path)
    }
  }

  private mutating func skip(_ path: String, _ reason: SkipReason) {
    skipped.append(SkippedEntry(name: path, reason: reason))
  }

  private mutating func read(_ address: Int, path: String) throws {
    guard !enclosing.contains(address) else { return skip(path, HDF5Listing.cycle) }
    var members: HDF5LinkResolver.Members?
    let reason = try HDF5Listing.reason {
      let header = try HDF5ObjectHeader(file, at: address)
      members = try links.members(of: address, header)
      if members == nil { try add(header, path: path) }
      if path.hasSuffix("/vars") || path == "vars" { try noteVariables(header, path) }
    }
    if let reason { return skip(path, reason) }
    guard let members else { return }
    guard enclosing.count < HDF5Listing.deepest else { return skip(path, HDF5Listing.tooDeep) }
    try visit(members, header: address, path: path)
  }

  private mutating func noteVariables(_ header: HDF5ObjectHeader, _ path: String) throws {
    var name: String?
    try file.forEachAttribute(of: header) { offset, count in
      let attribute = try file.attribute(offset, count)
      if attribute.name == "name", name == nil { name = try file.value(of: attribute) }
    }
    variableGroups[path] = name ?? ""
  }

  /// Adds an object that is no group.
  private mutating func add(_ header: HDF5ObjectHeader, path: String) throws {
    typealias Kind = HDF5ObjectHeader.Kind
    guard let space = try header.only(Kind.dataspace), header.has(Kind.layout),
      let type = try header.only(Kind.datatype)
    else {
      guard header.has(Kind.datatype) else {
        throw HDF5Structure.damaged("an object is neither a group nor a dataset")
      }
      return  // a named datatype
    }
    let (extents, elements) = (try file.dataspace(space), try file.datatype(type))
    switch elements {
    case .other(let what):
      throw HDF5Unreadable(.dtype, "holds \(what), which is not read")
    case .text(let byteCount):
      try addText(header, extents, elements, size: byteCount ?? 8 + file.offsetSize, path: path)
    case .numbers(let dtype, let isBigEndian):
      let shape = try Shape.validated(extents.extents, dtype: dtype)
      let dataset = HDF5Dataset(
        dtype: dtype, isBigEndian: isBigEndian, shape: shape,
        layout: try layout(header, extents, elementSize: dtype.byteCount, shape),
        fill: try file.fill(header, elementSize: dtype.byteCount))
      try dataset.check(fileByteCount: file.count)
      datasets.append(dataset)
      paths.append(path)
    }
  }

  private func layout(
    _ header: HDF5ObjectHeader, _ space: HDF5Dataspace, elementSize: Int, _ shape: Shape
  ) throws -> HDF5Layout {
    typealias Kind = HDF5ObjectHeader.Kind
    guard !header.has(Kind.external) else { throw HDF5Dataset.isExternal }
    guard let message = try header.only(Kind.layout) else {
      throw HDF5Structure.damaged("a dataset has no layout")
    }
    var layout = try file.layout(
      header, message, space, elementSize: elementSize,
      byteCount: shape.elementCount.multipliedReportingOverflow(by: elementSize).0)
    if case .chunked(let chunking) = layout.kind {
      let grid = try HDF5ChunkGrid(shape: space.extents, chunking)
      layout.storedByteCount = try file.chunks(grid).chunks.reduce(0) { $0 + $1.byteCount }
    }
    return layout
  }

  /// A scalar text of the root is metadata; other texts are listed.
  private mutating func addText(
    _ header: HDF5ObjectHeader, _ space: HDF5Dataspace, _ type: HDF5Datatype, size: Int,
    path: String
  ) throws {
    guard space.extents.allSatisfy({ $0 == 1 }), !path.contains("/") else {
      return skip(path, HDF5Listing.text)
    }
    let layout = try layout(header, space, elementSize: size, Shape(space.extents))
    switch layout.kind {
    case .contiguous(let offset), .compact(let offset):
      let end = min(file.count, offset.addingReportingOverflow(layout.storedByteCount).0)
      metadata[path] = try file.scalar(type, at: offset, before: end)
    case .chunked, .absent: skip(path, HDF5Listing.text)
    }
  }
}
