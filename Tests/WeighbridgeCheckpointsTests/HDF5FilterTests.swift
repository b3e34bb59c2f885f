import Foundation
import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

/// Filters that libhdf5 undoes, and the process in which it does for the command.
@Suite struct HDF5FilterTests {
  private static let request = HDF5FilterRequest(
    HDF5Filter(number: 4, values: [141, 32]), .float32, isBigEndian: true, extents: [4, 4])

  @Test func requestsTravel() throws {
    let words = Self.request.words(input: 17, output: 64)
    #expect(words.first == Int64(words.count - 1))
    let parsed = try #require(HDF5FilterRequest.parsed(Array(words.dropFirst())))
    #expect(parsed.request == Self.request && parsed.input == 17 && parsed.output == 64)
    // No word, however wrong, is more than refused.
    for index in words.indices.dropFirst() {
      for value in [Int64.min, -1, 1 << 40, Int64.max] {
        var damaged = Array(words.dropFirst())
        damaged[index - 1] = value
        _ = HDF5FilterRequest.parsed(damaged)
      }
      #expect(HDF5FilterRequest.parsed(Array(words[1..<index].prefix(5))) == nil)
    }
  }

  /// What a process may do instead of its work, and what is said.
  @Test(arguments: [
    ("kill -SEGV $$", "crashed (signal 11)"), ("kill -ABRT $$", "crashed (signal 6)"),
    ("kill -XCPU $$", "took too long"), ("exit 7", "ended with status 7"),
    ("while :; do :; done", "took longer than"), ("sleep 100", "took longer than"),
    ("exec yes", "answered nonsense"), ("exec cat", "answered nonsense"),
    ("head -c 8 /dev/zero; exit 0", "ended with status 0"),
    ("head -c 16 /dev/zero", "answered nonsense"),
    // The right length, and then too few bytes.
    (#"printf '\0\0\0\0\0\0\0\0\100\0\0\0\0\0\0\0abc'"#, "ended with status 0"),
  ])
  func aProcessThatFailsIsSaid(_ script: String, _ says: String) throws {
    // Half a second for those that take too long.
    let child = HDF5FilterChild(
      ChildProcess.Call("/bin/sh", ["-c", script]),
      seconds: says.hasPrefix("took longer") ? -7.5 : 30)
    try expectFailure(of: child, says)
  }

  @Test func aProcessThatIsNotThereIsSaid() throws {
    let child = HDF5FilterChild(ChildProcess.Call("/no/such/program", []))
    try expectFailure(of: child, "cannot be started")
    #expect(!child.has(4))
  }

  /// After a few failures no further process is started: a file's every chunk may be so.
  @Test func patienceEnds() throws {
    let child = HDF5FilterChild(ChildProcess.Call("/bin/sh", ["-c", "exit 1"]))
    for _ in 0..<3 { try expectFailure(of: child, "ended with status 1") }
    try expectFailure(of: child, "failed at 3 chunks before")
  }

  private func expectFailure(of child: HDF5FilterChild, _ says: String) throws {
    var output = [UInt8](repeating: 0, count: 64)
    let input = [UInt8](repeating: 1, count: 17)
    let error = #expect(throws: WeighbridgeError.self) {
      try input.withUnsafeBytes { input in
        try output.withUnsafeMutableBytes { try child.decode(Self.request, input, into: $0) }
      }
    }
    #expect(error?.code == .malformed && error?.remedy != nil)
    #expect(error?.message.contains(says) == true, "\(String(describing: error))")
  }
}
