import Foundation
import WeighbridgeModules
import WeighbridgeParallel

/// Where and with what a verdict was reached.
public struct RunEnvironment: Sendable, Hashable {
  /// A file that took part.
  public struct File: Sendable, Hashable {
    public var role: String
    public var path: String
    public var sha256: String?

    public init(role: String, path: String, sha256: String? = nil) {
      self.role = role
      self.path = path
      self.sha256 = sha256
    }
  }

  public var engine = Engines.float32Name
  public var threads = Parallel.threadCount
  public var processor = RunEnvironment.processorName
  public var system = ProcessInfo.processInfo.operatingSystemVersionString
  /// What recorded the reference.
  public var framework: String?
  public var files: [File] = []

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
