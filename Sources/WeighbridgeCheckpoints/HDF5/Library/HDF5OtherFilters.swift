import Synchronization
import WeighbridgeTensors

/// Filters that are not in Swift: szip, and plug-ins of the system's. libhdf5 has them, where this is
/// built with it; a command has it work in a child process, which may crash, loop or swell.
package enum HDF5OtherFilters {
  /// What decodes: this process, unless it is told to use another.
  private static let child = Mutex<HDF5FilterChild?>(nil)

  /// Has a process decode from now on: `executable` is started with `HDF5FilterServer.word` alone and
  /// calls `HDF5FilterServer.run`.
  package static func useChild(_ executable: String) {
    child.withLock {
      $0 = HDF5FilterChild(ChildProcess.Call(executable, [HDF5FilterServer.word]))
    }
  }

  static func has(_ number: Int) -> Bool {
    #if HDF5
      if let child = child.withLock({ $0 }) { return child.has(number) }
      return HDF5FilterLibrary.has(number)
    #else
      return false
    #endif
  }

  /// Undoes one filter.
  ///
  /// - Throws: `malformed` when the library cannot, or does not survive it.
  static func decode(
    _ request: HDF5FilterRequest, _ input: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer
  ) throws {
    #if HDF5
      if let child = child.withLock({ $0 }) {
        return try child.decode(request, input, into: output)
      }
      try HDF5FilterLibrary.decode(request, input, into: output)
    #else
      throw HDF5FilterRequest.unreadable
    #endif
  }
}
