#if HDF5
  import CHDF5
  import Foundation
  import Synchronization
  import WeighbridgeTensors

  /// Calls into libhdf5, one at a time: the library is not reentrant in every build.
  package enum HDF5Library {
    private static let lock = Mutex(())

    /// At exit the library would flush once more what it could not write or close before, and has been
    /// seen to crash over it. Every file is closed where it was opened, so there is nothing left to do.
    private static let staysOpen = H5dont_atexit()

    /// Runs `body` alone, with the library's own error printing off.
    static func run<R>(_ body: () throws -> sending R) rethrows -> sending R {
      try lock.withLock { _ in
        _ = staysOpen
        H5open()
        wb_h5_silence()
        return try body()
      }
    }

    /// The identifier of an object that was opened or created, or the library's reason why not.
    static func check(
      _ result: hid_t, _ what: @autoclosure () -> String,
      code: WeighbridgeError.Code = .malformed
    ) throws -> hid_t {
      guard result >= 0 else { throw failure(what(), code: code) }
      return result
    }

    static func check(
      _ result: herr_t, _ what: @autoclosure () -> String,
      code: WeighbridgeError.Code = .malformed
    ) throws {
      guard result >= 0 else { throw failure(what(), code: code) }
    }

    /// Opens an object for the time of `body`.
    static func using<R>(
      _ id: hid_t, _ close: (hid_t) -> herr_t, _ what: @autoclosure () -> String,
      code: WeighbridgeError.Code = .malformed, _ body: (hid_t) throws -> R
    ) throws -> R {
      let id = try check(id, what(), code: code)
      defer { _ = close(id) }
      return try body(id)
    }

    /// An error with the innermost message of the library's error stack.
    static func failure(_ what: String, code: WeighbridgeError.Code = .malformed)
      -> WeighbridgeError
    {
      let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { buffer in
        guard let base = buffer.baseAddress else { return "" }
        wb_h5_error_text(base)
        return String(cString: base)
      }
      let reason = reason(in: text)
      return WeighbridgeError(code, reason.isEmpty ? what : "\(what) (HDF5: \(reason))")
    }

    /// What a reader can use of the library's message: for a failing system call it lists addresses,
    /// descriptors and sizes around the system's own words,
    /// `file write failed: …, errno = 28, error message = 'No space left on device', buf = 0x55…`.
    static func reason(in text: String) -> String {
      let lead = "error message = '"
      guard let start = text.range(of: lead) else {
        // Cut off before the system's words: what failed is said first.
        return text.contains(" = ") ? String(text.prefix { $0 != ":" && $0 != "," }) : text
      }
      let words = text[start.upperBound...].prefix { $0 != "'" }
      let action = text[..<start.lowerBound].prefix { $0 != ":" }
      return action.isEmpty ? String(words) : "\(action): \(words)"
    }
  }
#endif
