import Synchronization
import WeighbridgeTensors

/// A process that decodes chunks, started when there is one to decode and again after it ended.
final class HDF5FilterChild: Sendable {
  private struct State: Sendable {
    var process: ChildProcess?
    /// Whether a filter is there, as far as it was asked.
    var known: [Int: Bool] = [:]
    var failures = 0
  }

  /// How often a process may end early before none is started: a file's every chunk may be so.
  private static let patience = 3

  private let call: ChildProcess.Call
  private let seconds: Double
  private let state = Mutex(State())

  /// - Parameter seconds: How long it may take for a chunk of no size; the process itself keeps to less
  ///   of the processor's time.
  init(_ call: ChildProcess.Call, seconds: Double = 30) {
    (self.call, self.seconds) = (call, seconds)
  }

  func has(_ number: Int) -> Bool {
    state.withLock { state in
      if let known = state.known[number] { return known }
      let request = HDF5FilterRequest(
        HDF5Filter(number: number), .uint8, isBigEndian: false, extents: [])
      let found = try? exchange(&state, request, UnsafeRawBufferPointer(start: nil, count: 0), nil)
      state.known[number] = found == .yes
      return found == .yes
    }
  }

  func decode(
    _ request: HDF5FilterRequest, _ input: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer
  ) throws {
    guard !input.isEmpty else { throw HDF5ChunkDecoder.damaged }
    nonisolated(unsafe) let output = output
    let answer = try state.withLock { try exchange(&$0, request, input, output) }
    guard answer == .yes else { throw HDF5FilterRequest.unreadable }
  }

  /// Asks and waits for the answer.
  ///
  /// - Throws: `malformed` where the process ended or took too long, and what it says itself.
  private func exchange(
    _ state: inout State, _ request: HDF5FilterRequest, _ input: UnsafeRawBufferPointer,
    _ output: UnsafeMutableRawBufferPointer?
  ) throws -> HDF5FilterServer.Answer {
    guard state.failures < HDF5FilterChild.patience else {
      throw HDF5FilterChild.failure("libhdf5 failed at \(state.failures) chunks before")
    }
    let expected = output?.count ?? 0
    let limit = seconds + HDF5FilterServer.seconds(input.count + expected) * 4
    do {
      let process = try state.process ?? ChildProcess(call)
      state.process = process
      process.allow(seconds: limit)
      try request.words(input: input.count, output: expected).withUnsafeBytes(process.send)
      try process.send(input)
      var head: [Int64] = [0, 0]
      try head.withUnsafeMutableBytes(process.receive)
      guard let answer = HDF5FilterServer.Answer(rawValue: head[0]),
        let count = Int(exactly: head[1]), answer == .failed ? 0...4096 ~= count : true
      else { throw ChildProcess.Failure.nonsense }
      if answer == .failed {
        var text = [UInt8](repeating: 0, count: count)
        try text.withUnsafeMutableBytes(process.receive)
        throw WeighbridgeError(
          .malformed, String(decoding: text, as: UTF8.self),
          remedy: HDF5FilterRequest.unreadable.remedy)
      }
      guard count == (answer == .yes ? expected : 0) else { throw ChildProcess.Failure.nonsense }
      if let output { try process.receive(output) }
      return answer
    } catch let failure as ChildProcess.Failure {
      let ending = state.process?.end()
      state.process = nil
      state.failures += 1
      throw HDF5FilterChild.failure(
        "filter \(request.number): libhdf5, which decodes it in a process of its own, "
          + failure.words(ending, seconds: Int(limit)))
    }
  }

  private static func failure(_ message: String) -> WeighbridgeError {
    WeighbridgeError(
      .malformed, message,
      remedy: "Download the file again, or save it with gzip or without compression")
  }
}
