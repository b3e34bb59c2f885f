import WeighbridgeTensors
import WeighbridgeWeights

/// A file while its format is looked for, with the containers that several formats have in common:
/// each is opened once.
final class FileContent {
  let map: MappedFile
  /// The archive, where the file is a zip archive.
  private(set) var zip: ZipDirectory?
  private var hdf5File: HDF5File??

  /// - Throws: `malformed` for a damaged zip archive.
  init(_ map: MappedFile) throws {
    self.map = map
    let isArchive = map.withBytes {
      $0.starts(with: [0x50, 0x4b, 3, 4]) || $0.starts(with: [0x50, 0x4b, 5, 6])
    }
    if isArchive { zip = try map.withBytes { try ZipDirectory($0, letGo: map.letGo) } }
  }

  /// Looks for an archive behind something else, such as a program that unpacks it.
  ///
  /// - Returns: Whether there is one that was not known.
  func findArchive() throws -> Bool {
    guard zip == nil, map.withBytes(ZipDirectory.isPresent) else { return false }
    zip = try map.withBytes { try ZipDirectory($0, letGo: map.letGo) }
    return true
  }

  /// Lets go of the archive's directory, which may list a million entries: whoever has taken what is of
  /// use in it reads on alone.
  func forgetArchive() { zip = nil }

  /// The file as HDF5, where it is.
  ///
  /// - Throws: `malformed` or `unsupported` when it is and cannot be read.
  func hdf5() throws -> HDF5File? {
    if let known = hdf5File { return known }
    let found = try map.withBytes({ HDF5Superblock.offset(in: $0) }) == nil ? nil : HDF5File(map)
    hdf5File = .some(found)
    return found
  }

  func starts(with mark: some Sequence<UInt8>) -> Bool { map.withBytes { $0.starts(with: mark) } }
}
