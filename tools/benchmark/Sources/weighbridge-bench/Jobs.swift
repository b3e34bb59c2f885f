import Foundation
import Weighbridge

/// A forward pass of a built-in model on recorded inputs; `weights` is `nil` where there are none.
func forwardJob(model id: String, weights: String?, inputs: String) throws -> () throws -> Void {
  let reference = try Reference(path: inputs)
  let tensors = try reference.inputs()
  let loader = Loader(.builtIn)
  let plan =
    if let weights {
      try loader.plan(Checkpoints.open(weights), model: id, reference: reference.metadata)
    } else {
      try loader.plan(weightless: id, reference: reference.metadata)
    }
  let model = try plan.compiled()
  return { _ = try model.run(tensors) }
}

/// The same pass on `count` threads at once; each has a pass of its own to do.
func atOnce(_ count: Int, _ pass: @escaping () throws -> Void) -> () throws -> Void {
  {
    nonisolated(unsafe) let pass = pass
    nonisolated(unsafe) let failures = UnsafeMutablePointer<(any Error)?>.allocate(capacity: count)
    failures.initialize(repeating: nil, count: count)
    defer {
      failures.deinitialize(count: count)
      failures.deallocate()
    }
    let ends = (0..<count).map { index in
      let end = DispatchSemaphore(value: 0)
      Thread {
        do { try pass() } catch { failures[index] = error }
        end.signal()
      }.start()
      return end
    }
    for end in ends { end.wait() }
    for index in 0..<count { if let failure = failures[index] { throw failure } }
  }
}

/// Opening a file and reading all its bytes once, eight at a time.
func readJob(file: String) -> () throws -> Void {
  {
    let checkpoint = try Checkpoints.open(file)
    var total: UInt64 = 0
    for tensor in try checkpoint.tensors(checkpoint.entries.map(\.name)) {
      try tensor.withUnsafeBytes { bytes in
        let parts = sumWords(bytes)
        total &+= parts
      }
    }
    if total == 0 { print("", terminator: "") }
  }
}

/// Mapping a file and touching all its bytes: what no reader can be faster than.
func mapJob(file: String) -> () throws -> Void {
  {
    let descriptor = open(file, O_RDONLY)
    guard descriptor >= 0 else { throw CocoaError(.fileReadNoSuchFile) }
    defer { close(descriptor) }
    let count = Int(lseek(descriptor, 0, SEEK_END))
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
    else { throw CocoaError(.fileReadUnknown) }
    defer { munmap(base, count) }
    if sumWords(UnsafeRawBufferPointer(start: base, count: count)) == 0 {
      print("", terminator: "")
    }
  }
}

/// The sum of all 64-bit words, which no compiler can leave out.
private func sumWords(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var sum: UInt64 = 0
  for word in 0..<(bytes.count / 8) {
    sum &+= bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)
  }
  return sum
}

func flushStandardOutput() {
  try? FileHandle.standardOutput.synchronize()
  fflush(nil)
}

func reportAndExit(_ error: any Error) -> Never {
  FileHandle.standardError.write(Data("weighbridge-bench: \(error)\n".utf8))
  exit(1)
}
