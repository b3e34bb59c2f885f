#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// The temporary files that are being written, so that a command that is interrupted can remove them.
public final class TemporaryFiles: Sendable {
  public static let shared = TemporaryFiles()
  private let paths = Mutex<Set<String>>([])

  func insert(_ path: String) {
    paths.withLock { _ = $0.insert(path) }
  }

  /// Forgets a path; returns whether it was known.
  @discardableResult
  func remove(_ path: String) -> Bool {
    paths.withLock { $0.remove(path) != nil }
  }

  /// Removes all of them. For a command that ends early.
  public func removeAll() {
    let left = paths.withLock { paths in
      defer { paths.removeAll() }
      return paths
    }
    for path in left { unlink(path) }
  }
}
