import WeighbridgeTensors

/// Follows links, each group listed and each soft link resolved once.
struct HDF5LinkResolver {
  /// The members of a group.
  final class Members {
    let all: [HDF5Structure.Member]
    /// Their places by name, from the first time that a path leads through the group.
    private(set) lazy var places: [String: Int] = Dictionary(
      all.indices.map { (all[$0].name, $0) }
    ) { first, _ in first }

    init(_ all: [HDF5Structure.Member]) { self.all = all }
  }

  /// Where a link leads: an object's header, or nowhere for a reason.
  typealias Target = (header: Int?, reason: SkipReason?)

  private let file: HDF5Structure
  /// By the address of the header; `nil` for objects that are no groups.
  private var groups: [Int: Members?] = [:]
  private var resolved: [SoftLink: Target] = [:]
  /// The soft links that are being followed.
  private var following: Set<SoftLink> = []

  private struct SoftLink: Hashable {
    var group: Int
    var target: String
  }

  /// As many as libhdf5 follows one after another.
  private static let mostHops = 16

  static let dangling = SkipReason(.link, "is a soft link that leads nowhere")
  static let endless = SkipReason(.link, "is a soft link that leads back to itself")
  static let tooLong = SkipReason(
    .link, "is a soft link to a soft link, more than \(mostHops) times over")
  static let intoFile = SkipReason(
    .link, "is a soft link through another file, which is never opened")

  init(_ file: HDF5Structure) { self.file = file }

  /// The members of a group; `nil` for an object that is none.
  mutating func members(of address: Int, _ header: HDF5ObjectHeader) throws -> Members? {
    if let known = groups[address] { return known }
    guard let members = try file.members(of: header).map(Members.init) else { return nil }
    groups[address] = members
    return members
  }

  mutating func target(of link: HDF5Structure.Link, in group: Int) throws -> Target {
    switch link {
    case .hard(let header): return (header, nil)
    case .soft(let path): return try follow(SoftLink(group: group, target: path))
    case .external: return (nil, HDF5Listing.external)
    case .other: return (nil, HDF5Listing.otherLink)
    }
  }

  private mutating func follow(_ link: SoftLink) throws -> Target {
    if let known = resolved[link] { return known }
    guard following.count < HDF5LinkResolver.mostHops else {
      return (nil, HDF5LinkResolver.tooLong)
    }
    guard following.insert(link).inserted else { return (nil, HDF5LinkResolver.endless) }
    defer { following.remove(link) }
    let target = try walk(link)
    resolved[link] = target
    return target
  }

  private mutating func walk(_ link: SoftLink) throws -> Target {
    var header = link.target.hasPrefix("/") ? file.superblock.root : link.group
    for step in link.target.split(separator: "/") where step != "." {
      try file.work.charge(step.utf8.count)
      let members: Members?
      if let known = groups[header] {
        members = known
      } else {
        guard let object = try? HDF5ObjectHeader(file, at: header) else {
          return (nil, HDF5LinkResolver.dangling)
        }
        members = try? self.members(of: header, object)
        if members == nil { groups[header] = .some(nil) }
      }
      guard let members, let place = members.places[String(step)] else {
        return (nil, HDF5LinkResolver.dangling)
      }
      let next = try target(of: members.all[place].link, in: header)
      guard let found = next.header else {
        if case .external = members.all[place].link { return (nil, HDF5LinkResolver.intoFile) }
        return next
      }
      header = found
    }
    return (header, nil)
  }
}
