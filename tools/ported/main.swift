// Runs networks that were ported: each is held against its reference as its own test does it, and every
// result against that of the interpreter, bit for bit; of the recorded inputs, and of a batch of twice as
// many. A line of JSON each.
import Foundation
import Weighbridge
import WeighbridgeTesting

struct Finding: Codable {
  var name: String
  var passed = false
  var reason = ""
  var compared = 0
  var different: [String] = []
  /// Of the other batch: `pass`, or what differs or is refused.
  var batch = ""
}

/// What a module returned, by path and call, and what the network did.
func results(_ model: any Module, _ inputs: [Tensor]) throws -> [(name: String, tensor: Tensor)] {
  let probe = RecordingProbe()
  let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
  return probe.activations.map { ("\($0.key)", $0.tensor) }
    + outputs.enumerated().map { ("outputs/\($0.offset)", $0.element) }
}

func bits(_ tensor: Tensor) throws -> [UInt64] {
  try tensor.converted(to: .float64).elements(as: Double.self).map(\.bitPattern)
}

func firstLine(_ error: any Error) -> String {
  "\(error)".split(separator: "\n").first.map(String.init) ?? "fails"
}

/// What a network's own test says against it; `nil` where it passes.
func complaint(_ test: Ported) -> String? {
  do {
    _ = try requireParity(test.subject, with: test.reference)
    return nil
  } catch {
    return firstLine(error)
  }
}

/// Inputs of twice the batch: the recorded ones, and the same the other way round.
func doubled(_ inputs: [Tensor]) throws -> [Tensor] {
  try inputs.map { $0.rank == 0 ? $0 : try .concatenated([$0, $0.flipped(-1)], axis: 0) }
}

/// What is other in `model` than in the interpreter, of how many results.
func compared(
  _ model: any Module, _ interpreter: any Module, _ inputs: [Tensor]
) throws -> (count: Int, different: [String]) {
  let interpreted = Dictionary(
    try results(interpreter, inputs), uniquingKeysWith: { first, _ in first })
  var (count, different) = (0, [String]())
  for (name, tensor) in try results(model, inputs) {
    guard let other = interpreted[name] else { continue }
    count += 1
    let isSame = try tensor.shape == other.shape && bits(tensor) == bits(other)
    if !isSame { different.append(name) }
  }
  return (count, different)
}

func otherBatch(_ model: any Module, _ interpreter: any Module, _ inputs: [Tensor]) -> String {
  let found: (count: Int, different: [String])
  do {
    found = try compared(model, interpreter, doubled(inputs))
  } catch {
    return firstLine(error)
  }
  return found.different.first.map { "\($0) differs" } ?? "pass"
}

func judged(_ test: Ported) -> Finding {
  var finding = Finding(name: test.name)
  do {
    let reference = try Reference(path: test.reference)
    let failure = complaint(test)
    (finding.passed, finding.reason) = (failure == nil, failure ?? "")
    let network = try Network(of: Checkpoints.open(test.reference))
    let loader = Loader(ArchitectureRegistry([AnyArchitecture(recorded: network)]))
    let plan = try loader.plan(Checkpoints.open(test.weights), model: AnyArchitecture.recordedID)
    let inputs = try reference.inputs()
    let (model, interpreter) = (try test.model(), try plan.bind() as any Module)
    (finding.compared, finding.different) = try compared(model, interpreter, inputs)
    if finding.passed { finding.batch = otherBatch(model, interpreter, inputs) }
  } catch {
    finding.reason = firstLine(error)
  }
  return finding
}

/// How long the ported network and the hand-written one take, compiled, in turns, in seconds.
struct Beside: Codable {
  var written: [Double] = []
  var ported: [Double] = []
  var same = false
  var passed = false
  var reason = ""
}

private func compiled(_ model: some Module) -> any Module { Compiled(model) }

func beside(_ test: Ported, rounds: Int) -> Beside {
  var found = Beside()
  do {
    let reference = try Reference(path: test.reference)
    let inputs = try reference.inputs()
    let written = try Loader(.builtIn).plan(
      Checkpoints.open(test.weights), model: reference.metadata.model,
      reference: reference.metadata
    ).compiled()
    let ported = try compiled(test.model())
    let clock = ContinuousClock()
    func seconds(_ model: any Module) throws -> Double {
      try clock.measure { _ = try model.run(inputs) } / .seconds(1)
    }
    for _ in 0..<3 { _ = try (seconds(written), seconds(ported)) }
    for _ in 0..<rounds {
      found.written.append(try seconds(written))
      found.ported.append(try seconds(ported))
    }
    let (a, b) = try (written.run(inputs), ported.run(inputs))
    found.same = try a.count == b.count && zip(a, b).allSatisfy { try bits($0) == bits($1) }
    let failure = complaint(test)
    (found.passed, found.reason) = (failure == nil, failure ?? "")
  } catch {
    found.reason = firstLine(error)
  }
  return found
}

if CommandLine.arguments.count > 3, CommandLine.arguments[1] == "--beside" {
  for test in all where test.name == CommandLine.arguments[3] {
    let line = try JSONEncoder().encode(beside(test, rounds: Int(CommandLine.arguments[2]) ?? 15))
    print(String(decoding: line, as: UTF8.self))
  }
  exit(0)
}

for test in all where CommandLine.arguments.count < 2 || CommandLine.arguments.contains(test.name) {
  let line = try JSONEncoder().encode(judged(test))
  print(String(decoding: line, as: UTF8.self))
}
