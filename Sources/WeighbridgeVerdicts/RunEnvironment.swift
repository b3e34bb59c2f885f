import Foundation
import WeighbridgeModules
import WeighbridgeParallel

/// Where and with what a verdict was reached.
public struct RunEnvironment: Sendable, Hashable {
  /// A file that took part.
  public struct File: Sendable, Hashable {
    /// What it was to the verdict: `weights`, `reference`.
    public var role: String
    /// The path as the verdict shows it.
    public var path: String
    /// The SHA-256 of its bytes, in hexadecimal; `nil` where it was not computed.
    public var sha256: String?

    /// - Parameters:
    ///   - role: What it was to the verdict: `weights`, `reference`.
    ///   - sha256: In hexadecimal, where it is known.
    public init(role: String, path: String, sha256: String? = nil) {
      self.role = role
      self.path = path
      self.sha256 = sha256
    }
  }

  /// The engine that computed in float32.
  public var engine = Engines.float32Name
  /// The number of compute threads.
  public var threads = Parallel.threadCount
  /// The processor's model, as the system names it; `unknown` where it does not.
  public var processor = RunEnvironment.processorName
  /// The operating system and its version, as it names itself.
  public var system = ProcessInfo.processInfo.operatingSystemVersionString
  /// What recorded the reference.
  public var framework: String?
  /// The files that took part.
  public var files: [File] = []

  /// This machine, now.
  ///
  /// - Parameters:
  ///   - framework: What recorded the reference.
  ///   - files: The files that took part.
  public init(framework: String? = nil, files: [File] = []) {
    self.framework = framework
    self.files = files
  }

  private static var processorName: String {
    #if os(Linux)
      guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else {
        return "unknown"
      }
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2, parts[0].hasPrefix("model name") || parts[0].hasPrefix("Model") {
          return parts[1].trimmingCharacters(in: .whitespaces)
        }
      }
      return "unknown"
    #else
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else {
        return "unknown"
      }
      var name = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0) == 0 else {
        return "unknown"
      }
      return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    #endif
  }
}
