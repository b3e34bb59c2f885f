import Foundation
import TestSupport
import Testing
import Weighbridge

/// What happens to files while the command runs, and to the command while it writes.
@Suite struct FaultTests {
  /// Rounds of kills: `WEIGHBRIDGE_KILLS=200` tries as many.
  static let kills =
    ProcessInfo.processInfo.environment["WEIGHBRIDGE_KILLS"].flatMap { Int($0) } ?? 24

  private func start(_ arguments: [String], errors: URL? = nil) throws -> Process {
    let process = Process()
    process.executableURL = try CommandRun.executable
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    if let errors {
      _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
      process.standardError = try FileHandle(forWritingTo: errors)
    } else {
      process.standardError = FileHandle.nullDevice
    }
    try process.run()
    return process
  }

  /// A safetensors file of zeros, as large as asked for, without taking the disk.
  private func sparse(_ path: String, bytes: Int) throws {
    let header = #"{"w":{"dtype":"F32","shape":[\#(bytes / 4)],"data_offsets":[0,\#(bytes)]}}"#
    let start = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    try (start + Data(header.utf8)).write(to: URL(fileURLWithPath: path))
    #expect(truncate(path, off_t(8 + header.utf8.count + bytes)) == 0)
  }

  @Test(arguments: ["inspect", "convert"])
  func aFileThatShrinksWhileItIsRead(_ command: String) throws {
    let space = try Workspace()
    var (ended, shrunk) = (0, 0)
    for round in 0..<12 where shrunk < 3 {
      try sparse(space.path("w.safetensors"), bytes: 256 << 20)
      let errors = space.directory.appendingPathComponent("errors")
      let process = try start(
        command == "inspect"
          ? ["inspect", space.path("w.safetensors"), "--stats"]
          : [
            "convert", space.path("w.safetensors"), space.path("o.safetensors"), "--model", "none",
            "--dtype", "f16",
          ], errors: errors)
      usleep(UInt32(60_000 + 60_000 * round))
      #expect(truncate(space.path("w.safetensors"), 8192) == 0)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit, "round \(round)")
      let text = try String(contentsOf: errors, encoding: .utf8)
      if process.terminationStatus == 0 {
        ended += 1
        continue
      }
      #expect(process.terminationStatus == 3, "\(text)")
      #expect(text.split(separator: "\n").count == 1, "\(text)")
      if text.contains("cut short by another program") { shrunk += 1 }
      #expect(
        text.contains("cut short by another program") || text.contains("cut off")
          || text.contains("changed by another program"), "\(text)")
      #expect(space.contents == ["errors", "w.safetensors"])
    }
    #expect(shrunk > 0, "\(ended) ended before")
  }

  /// The old file or the new one, and nothing else after the next run.
  @Test func killedConversionsLeaveTheOldOrTheNew() throws {
    let space = try Workspace()
    func write(_ name: String, _ value: Float) throws -> String {
      try space.checkpoint(
        name, ["w": try Tensor([Float](repeating: value, count: 1 << 20), shape: [1 << 20])])
    }
    let sources = [try write("a.npz", 1), try write("b.npz", 2)]
    let target = space.path("o.safetensors")
    func convert(_ source: String) -> [String] { ["convert", source, target, "--model", "none"] }
    #expect(try CommandRun(list: convert(sources[0])).status == 0)
    let files = try sources.map { source in
      let run = try CommandRun(list: [
        "convert", source, space.path("x.safetensors"), "--model", "none",
      ])
      #expect(run.status == 0)
      return try Data(contentsOf: URL(fileURLWithPath: space.path("x.safetensors")))
    }
    try FileManager.default.removeItem(atPath: space.path("x.safetensors"))
    let clock = ContinuousClock()
    let whole = try clock.measure { _ = try CommandRun(list: convert(sources[0])) }
    let microseconds = max(1000, Int(whole / .microseconds(1)))
    var (killed, left) = (0, 0)
    for round in 0..<Self.kills {
      let process = try start(convert(sources[round % 2]))
      usleep(UInt32(Int.random(in: 0..<microseconds)))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if process.terminationReason == .uncaughtSignal { killed += 1 }
      let names = space.contents.filter { $0.hasSuffix(".tmp") }
      #expect(names.count <= 1, "what was left before is removed")
      left += names.count
      let found = try Data(contentsOf: URL(fileURLWithPath: target))
      #expect(files.contains(found), "round \(round)")
    }
    #expect(try CommandRun(list: convert(sources[1])).status == 0)
    #expect(space.contents == ["a.npz", "b.npz", "o.safetensors"])
    print("\(killed) of \(Self.kills) killed, \(left) temporary files left and removed")
  }

  /// The process ends by the signal, which tells a shell to end its loop, too.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func interruptedConversionsLeaveNothing(_ number: Int32) throws {
    let space = try Workspace()
    try sparse(space.path("w.safetensors"), bytes: 512 << 20)
    let process = try start([
      "convert", space.path("w.safetensors"), space.path("o.npz"), "--model", "none",
    ])
    for _ in 0..<200 where space.contents.count < 2 { usleep(10_000) }
    kill(process.processIdentifier, number)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == number)
    #expect(space.contents == ["w.safetensors"])
  }

  /// What `nohup` and a shell's background jobs ignore stays ignored.
  @Test(arguments: ["HUP", "INT", "TERM"]) func ignoredSignalsStayIgnored(_ name: String) throws {
    let space = try Workspace()
    try sparse(space.path("w.safetensors"), bytes: 256 << 20)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = [
      "-c", "trap '' \(name); touch \"$0\"; exec \"$@\"", space.path("ready"),
      try CommandRun.executable.path, "convert", space.path("w.safetensors"), space.path("o.npz"),
      "--model", "none",
    ]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    while process.isRunning, !space.contents.contains("ready") { usleep(1000) }
    while process.isRunning {
      kill(process.processIdentifier, ["HUP": SIGHUP, "INT": SIGINT][name] ?? SIGTERM)
      usleep(20_000)
    }
    #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
    #expect(space.contents == ["o.npz", "ready", "w.safetensors"])
  }

  /// From before the temporary file is made until the end, wherever the signal comes.
  @Test func interruptionsAtAnyMomentLeaveNothing() throws {
    let space = try Workspace()
    try sparse(space.path("w.safetensors"), bytes: 64 << 20)
    for moment in 0..<25 {
      let process = try start([
        "convert", space.path("w.safetensors"), space.path("o.npz"), "--model", "none",
      ])
      usleep(UInt32(4000 * moment))
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      let left = space.contents.filter { $0 != "o.npz" }
      #expect(left == ["w.safetensors"], "after \(4 * moment) ms")
    }
  }

  @Test func argumentsThatAreNoTextAreRefused() throws {
    let space = try Workspace()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c", "exec \"$0\" convert \"$1\" $'o\\xff.npz' --model none", try CommandRun.executable.path,
      Repository.fixture("se_layer.npz"),
    ]
    process.currentDirectoryURL = space.directory
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 64)
    #expect(space.contents.isEmpty)
  }

  @Test func twoOutputsOfOneNameAreRefused() throws {
    let space = try Workspace()
    for (first, second) in [("z", "./z"), ("z", space.path("z")), ("sub/../z", "z")] {
      try? FileManager.default.createDirectory(
        atPath: space.path("sub"), withIntermediateDirectories: true)
      let run = try CommandRun(
        list: [
          "validate", "--weights", Repository.fixture("se_layer.npz"), "--reference",
          Repository.fixture("se_layer_reference.npz"), "--html", first, "--json", second,
        ], directory: space.directory)
      #expect(run.status == 64)
      #expect(run.firstErrorLine.contains("two outputs have this name"))
      #expect(space.contents == ["sub"])
    }
  }
}
