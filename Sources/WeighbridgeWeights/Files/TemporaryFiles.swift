import CFaults

/// The temporary files that are being written, so that a command that is interrupted can remove them.
public final class TemporaryFiles: Sendable {
  /// The temporary files of this process.
  public static let shared = TemporaryFiles()

  /// Removes all of them, and has no other be made. For a command that ends early.
  public func removeAll() {
    wb_temporary_forbid()
    wb_temporary_unlink_all()
  }
}
